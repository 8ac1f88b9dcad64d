"""Drives the programs from outside: processes, files, sockets, HTTP. Imports nothing of theirs."""
