import Glibc

/// A program that takes this one's place: its input, output, signals and exit code are then those that our caller sees.
struct Execution: Hashable, Sendable {
    /// The program, looked for in `PATH`, and its arguments; at least one word, none with a NUL.
    var words: [String]
    /// The variable that is set for it beside those we were given.
    var variable: EnvironmentName

    /// Runs the program with `value` in the variable.
    ///
    /// - Returns: Never, unless the program cannot be started: then why.
    func run(value: String) -> Failure {
        guard let program = self.words.first else { return Failure(.wrongUsage, "there is no command to run") }
        guard unsafe setenv(self.variable.text, value, 1) == 0 else {
            return Failure(.failed, "cannot set the environment: \(unsafe String(cString: strerror(errno)))")
        }
        // What a thread pool blocks and a network library ignores is no business of the program's: both would be
        // inherited.
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe sigprocmask(SIG_SETMASK, &none, nil)
        unsafe pthread_sigmask(SIG_SETMASK, &none, nil)
        signal(SIGPIPE, SIG_DFL)
        var pointers = unsafe self.words.map { unsafe strdup($0) }
        unsafe pointers.append(nil)
        defer { unsafe pointers.forEach { unsafe free($0) } }
        unsafe execvp(program, &pointers)
        let reason = unsafe String(cString: strerror(errno))
        unsafe unsetenv(self.variable.text)
        return Failure(.failed, "cannot run \(program.escaped): \(reason)")
    }
}

/// The name of an environment variable, as a shell takes it: letters, digits and `_`, and no digit first.
struct EnvironmentName: Hashable, Sendable {
    let text: String

    init?(_ text: String) {
        let isLetter = { (byte: UInt8) in
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || byte == UInt8(ascii: "_")
        }
        guard let first = text.utf8.first, isLetter(first),
            text.utf8.allSatisfy({ isLetter($0) || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 })
        else { return nil }
        self.text = text
    }
}
