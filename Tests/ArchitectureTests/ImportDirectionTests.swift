import Testing

/// Holds the imports of every module against what it may import.
///
/// The build refuses undeclared modules, but does not see those of the toolchain: `import Foundation` in the core
/// would pass it.
@Suite struct ImportDirectionTests {
    /// What a module may import, and what it must not, with the reason.
    struct Rule: Sendable {
        var ours: Set<String> = []
        var others: Set<String> = []
        var banned: [String: String] = [:]
    }

    private static let engine = "an adapter serves the engine and must not know it"
    private static let heavy = "the engine talks to ports: each heavy dependency stays in its adapter"
    private static let judge = "a judge that shares our code shares our mistakes"
    private static let client = "the client starts in milliseconds and links no database"

    static let rules: [String: Rule] = [
        "RefreshCore": Rule(
            banned: [
                "Foundation": "it decides, it does nothing", "FoundationEssentials": "it decides, it does nothing",
                "Dispatch": "it decides, it does nothing", "Glibc": "it decides, it does nothing",
                "NIOCore": "it decides, it does nothing", "Logging": "it decides, it does nothing",
                "Synchronization": "values need no locks",
            ]
        ),
        "TimerWheel": Rule(banned: ["RefreshCore": "a wheel that knows accounts cannot be measured alone"]),
        "KillPoints": Rule(others: ["Glibc", "Synchronization"]),
        "RotationJournal": Rule(
            ours: ["RefreshCore", "KillPoints"],
            others: ["CLinux", "Dispatch", "Glibc", "Logging", "Synchronization"],
            banned: ["SQLiteStore": "it must not fail together with a store", "RefreshEngine": engine]
        ),
        "OAuth": Rule(
            ours: ["RefreshCore"],
            others: ["FoundationEssentials"],
            banned: [
                "AsyncHTTPClient": "messages are tested from bytes", "NIOCore": "messages are tested from bytes",
                "OAuthHTTP": "messages are tested from bytes",
            ]
        ),
        "SQLiteStore": Rule(
            ours: ["RefreshCore", "KillPoints"],
            others: ["GRDB", "CSQLite", "Dispatch", "Glibc", "FoundationEssentials", "Logging"],
            banned: ["RefreshEngine": engine]
        ),
        "OAuthHTTP": Rule(
            ours: ["RefreshCore", "OAuth", "KillPoints"],
            others: [
                "AsyncHTTPClient", "NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL", "Logging", "Synchronization",
                "FoundationEssentials",
            ],
            banned: ["RefreshEngine": engine]
        ),
        "Sinks": Rule(
            ours: ["RefreshCore"],
            others: [
                "AsyncHTTPClient", "NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL", "Logging", "Synchronization",
                "CLinux", "Dispatch", "FoundationEssentials", "Glibc",
            ],
            banned: ["OAuth": "a sink is not a provider", "RefreshEngine": engine]
        ),
        "Sealing": Rule(
            ours: ["RefreshCore"],
            others: ["Crypto", "FoundationEssentials", "Glibc"],
            banned: ["SQLiteStore": "what is sealed does not matter here", "RefreshEngine": engine]
        ),
        "Systemd": Rule(
            others: ["CSystemd", "Glibc", "Logging", "ServiceLifecycle", "Synchronization"],
            banned: ["RefreshCore": "the service manager's protocols are general"]
        ),
        "RefreshEngine": Rule(
            ours: ["RefreshCore", "TimerWheel", "OAuth", "KillPoints"],
            others: ["CLinux", "Dispatch", "Glibc", "Logging", "ServiceLifecycle", "Synchronization"],
            banned: [
                "NIOCore": heavy, "GRDB": heavy, "AsyncHTTPClient": heavy, "SQLiteStore": heavy, "OAuthHTTP": heavy,
                "Sinks": heavy, "Sealing": heavy, "FoundationEssentials": heavy,
            ]
        ),
        "Varlink": Rule(
            others: ["NIOCore", "NIOPosix", "Glibc", "FoundationEssentials", "Logging"],
            banned: ["RefreshCore": "the protocol is general"]
        ),
        "ControlAPI": Rule(
            others: ["FoundationEssentials"],
            banned: ["RefreshCore": "wire types are frozen, core types are not"]
        ),
        "ControlServer": Rule(
            ours: ["RefreshCore", "RefreshEngine", "Varlink", "ControlAPI"],
            others: [
                "NIOCore", "NIOPosix", "CLinux", "Glibc", "FoundationEssentials", "ServiceLifecycle", "Logging",
                "Synchronization",
            ],
            banned: [
                "SQLiteStore": "the edge asks the engine", "AsyncHTTPClient": "the edge asks the engine",
                "OAuthHTTP": "the edge asks the engine", "GRDB": "the edge asks the engine",
            ]
        ),
        "HandoffServer": Rule(
            ours: ["RefreshCore", "RefreshEngine"],
            others: ["Glibc", "Hummingbird", "Logging", "NIOCore", "ServiceLifecycle", "Synchronization"],
            banned: [
                "SQLiteStore": "the edge asks the engine", "AsyncHTTPClient": "the browser makes the call",
                "Sinks": "adapters do not see each other", "ControlServer": "it stands beside it",
            ]
        ),
        "refreshd": Rule(
            ours: [
                "RefreshCore", "RefreshEngine", "OAuth", "SQLiteStore", "RotationJournal", "OAuthHTTP", "Sinks",
                "Sealing",
                "Systemd", "ControlServer", "ControlAPI", "HandoffServer", "Varlink", "KillPoints",
            ],
            others: [
                "ArgumentParser", "CLinux", "Dispatch", "FoundationEssentials", "Glibc", "Logging", "NIOCore",
                "NIOPosix",
                "ServiceLifecycle", "Synchronization", "TOMLKit", "UnixSignals",
            ],
            banned: ["PracticeProvider": "a provider for practice has no place in a service"]
        ),
        "refreshctl": Rule(
            ours: ["Varlink", "ControlAPI"],
            others: ["ArgumentParser", "FoundationEssentials", "Glibc", "NIOCore", "NIOPosix"],
            banned: ["RefreshCore": client, "RefreshEngine": client, "SQLiteStore": client]
        ),
        "PracticeProvider": Rule(
            others: [
                "Hummingbird", "HummingbirdTLS", "NIOCore", "NIOPosix", "NIOSSL", "X509", "SwiftASN1", "Crypto",
                "Logging", "ServiceLifecycle", "FoundationEssentials", "Synchronization",
            ],
            banned: ["RefreshCore": judge, "OAuth": judge, "OAuthHTTP": judge, "Sinks": judge, "RefreshEngine": judge]
        ),
        "refresh-practice": Rule(
            ours: ["PracticeProvider"],
            others: ["ArgumentParser", "FoundationEssentials", "Glibc", "Logging", "ServiceLifecycle", "UnixSignals"],
            banned: ["RefreshCore": judge, "OAuth": judge]
        ),
    ]

    @Test(arguments: Self.rules.keys.sorted())
    func `a module imports what it may and nothing else`(_ module: String) throws {
        let rule = try #require(Self.rules[module])
        for file in try ProjectFolder.swiftFiles(in: "Sources/\(module)") {
            for name in try ProjectFolder.imports(of: file) {
                let reason = rule.banned[name] ?? "it is not in this module's list"
                #expect(rule.ours.contains(name) || rule.others.contains(name), "\(file) imports \(name): \(reason)")
            }
        }
    }

    @Test func `every module has a rule, and every rule a module`() throws {
        // Header-only and system libraries have no Swift in them, and so no imports.
        let modules = try ProjectFolder.folders(in: "Sources").filter {
            try !ProjectFolder.swiftFiles(in: "Sources/\($0)").isEmpty
        }
        #expect(Self.rules.keys.sorted() == modules)
    }

    @Test func `every module of ours that a rule names exists, or its ban has outlived it`() throws {
        let modules = Set(try ProjectFolder.folders(in: "Sources"))
        let external: Set = [
            "Foundation", "FoundationEssentials", "Dispatch", "Glibc", "NIOCore", "Logging", "Synchronization",
            "AsyncHTTPClient", "GRDB",
        ]
        for (module, rule) in Self.rules {
            for name in rule.ours.union(rule.banned.keys).subtracting(external) {
                #expect(modules.contains(name), "the rule of \(module) names \(name), which is not there")
            }
            #expect(rule.banned.keys.allSatisfy { !rule.ours.contains($0) && !rule.others.contains($0) }, "\(module)")
        }
    }

    @Test func `nothing points up: no two modules reach each other`() {
        func reach(_ module: String, _ seen: inout Set<String>) {
            for next in Self.rules[module]?.ours ?? [] where seen.insert(next).inserted { reach(next, &seen) }
        }
        for module in Self.rules.keys {
            var seen: Set<String> = []
            reach(module, &seen)
            #expect(!seen.contains(module), "\(module) reaches itself")
        }
    }

    @Test func `the reader of imports sees every form of them`() throws {
        let imports = try ProjectFolder.imports(of: "Tests/ArchitectureTests/ProjectFolder.swift")
        #expect(imports == ["FoundationEssentials", "Testing"])
        let engine = Set(try ProjectFolder.swiftFiles(in: "Sources/RefreshEngine").flatMap(ProjectFolder.imports))
        #expect(engine.isSuperset(of: ["RefreshCore", "TimerWheel", "OAuth", "Synchronization"]))
    }
}
