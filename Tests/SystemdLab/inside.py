"""What the test asks from within the machine: the practice provider's record, and a client that knocks without pause.

inside.py judge PATH [JSON]     GET PATH of the practice provider, or POST the JSON; prints the answer
inside.py record ACCOUNT FIELD  one field of the provider's record of an account
inside.py generation ACCOUNT    the account's generation by refreshctl
inside.py entry ID ACCOUNT      looks at the fields of the newest journal entry with that MESSAGE_ID
inside.py load TICKET           loads the path from the hand-off socket; prints the status, and where it leads without the query
inside.py knock SECONDS         calls the control socket on a new connection again and again; prints what it met
"""

import http.client
import json
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse
import urllib.request

PROVIDER = "https://127.0.0.1:9443"
AUTHORITY = "/etc/refreshd/practice/ca.pem"
CONTROL = "/run/refreshd/control.sock"
HANDOFF = "/run/refreshd/handoff.sock"


def judge(path, body=None):
    data = None if body is None else body.encode()
    request = urllib.request.Request(PROVIDER + path, data, {"Content-Type": "application/json"})
    context = ssl.create_default_context(cafile=AUTHORITY)
    # Python 3.13 asks certificates for extensions that no other client needs.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:
        return answer.read().decode()


def record(account, field):
    return json.loads(judge("/practice/grant?account=" + urllib.parse.quote(account, safe="")))[field]


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


def entry(message_id, account):
    command = ["journalctl", "-q", "-o", "json", "-n", "1", "-u", "refreshd.service"]
    found = json.loads(output(*command, "MESSAGE_ID=" + message_id, "REFRESHD_ACCOUNT=" + account))
    assert found["REFRESHD_CLIENT"] == account.split("/")[0], found
    assert int(found["REFRESHD_GENERATION"]) >= 2, found
    assert found["SYSLOG_IDENTIFIER"] == "refreshd" and found["PRIORITY"] in "567" and found["CODE_FILE"], found
    assert found["_TRANSPORT"] == "journal", found


def load(ticket):
    connection = http.client.HTTPConnection("localhost", timeout=10)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.connect(HANDOFF)
    connection.request("GET", ticket)
    answer = connection.getresponse()
    # The query bears the token.
    return " ".join([str(answer.status), *answer.getheader("Location", "").partition("?")[0].split()])


def call():
    """One call on a connection of its own: "answered", "refused" (no connection) or "unanswered" (connection lost)."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(60)
    try:
        connection.connect(CONTROL)
    except OSError:
        return "refused"
    try:
        connection.sendall(b'{"method":"org.refreshd.Control.Status","parameters":{}}\0')
        answer = b""
        while not answer.endswith(b"\0"):
            chunk = connection.recv(65536)
            if not chunk:
                return "unanswered"
            answer += chunk
        return "answered"
    except OSError:
        return "unanswered"
    finally:
        connection.close()


def knock(seconds):
    met = {"answered": 0, "refused": 0, "unanswered": 0, "longest": 0.0}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.monotonic()
        met[call()] += 1
        met["longest"] = round(max(met["longest"], time.monotonic() - begin), 3)
        time.sleep(0.002)
    return " ".join(f"{name}={value}" for name, value in met.items())


command, arguments = sys.argv[1], sys.argv[2:]
if command == "judge":
    print(judge(*arguments))
elif command == "record":
    print(json.dumps(record(*arguments)))
elif command == "generation":
    print(json.loads(output("refreshctl", "show", arguments[0], "--json"))["generation"])
elif command == "entry":
    entry(*arguments)
elif command == "load":
    print(load(*arguments))
elif command == "knock":
    print(knock(float(arguments[0])))
else:
    sys.exit(__doc__)
