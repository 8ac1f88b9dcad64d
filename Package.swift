// swift-tools-version: 6.3
import PackageDescription

// One list for every Swift target, so no module can be laxer than another.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),  // SE-0335: `any` where there is a box
    .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409: imports do not leak
    .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444: import what you use
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),  // SE-0461: async stays on the caller's actor
    .enableUpcomingFeature("InferIsolatedConformances"),  // SE-0470
    .strictMemorySafety(),  // SE-0458: every unsafe use says `unsafe`
]

// Products of other packages, each named once.
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdTLS: Target.Dependency = .product(name: "HummingbirdTLS", package: "hummingbird")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let serviceLifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let swiftASN1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let tomlKit: Target.Dependency = .product(name: "TOMLKit", package: "TOMLKit")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")

let package = Package(
    name: "refreshd",
    products: [
        .executable(name: "refreshd", targets: ["refreshd"]),
        .executable(name: "refreshctl", targets: ["refreshctl"]),
        .executable(name: "refresh-practice", targets: ["refresh-practice"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // What decides, and does nothing.
        .target(name: "RefreshCore", swiftSettings: strict),
        .target(name: "TimerWheel", swiftSettings: strict),
        .target(name: "OAuth", dependencies: ["RefreshCore"], swiftSettings: strict),

        // Where tests have the program die; in release builds nothing is left of it.
        .target(
            name: "KillPoints",
            swiftSettings: strict + [.define("REFRESHD_KILL_POINTS", .when(configuration: .debug))]
        ),

        // Adapters: each keeps one heavy dependency in one place, and none sees another.
        .target(name: "CSQLite"),
        .target(
            name: "SQLiteStore",
            dependencies: ["RefreshCore", "KillPoints", "CSQLite", grdb, logging],
            swiftSettings: strict
        ),
        .target(
            name: "RotationJournal",
            dependencies: ["RefreshCore", "KillPoints", "CLinux", logging],
            swiftSettings: strict
        ),
        .target(
            name: "OAuthHTTP",
            dependencies: [
                "RefreshCore", "OAuth", "KillPoints", asyncHTTPClient, nioCore, nioHTTP1, nioPosix, nioSSL, logging,
            ],
            swiftSettings: strict
        ),
        .target(
            name: "Sinks",
            dependencies: ["RefreshCore", "CLinux", asyncHTTPClient, nioCore, nioHTTP1, nioPosix, nioSSL, logging],
            swiftSettings: strict
        ),
        .target(name: "Sealing", dependencies: ["RefreshCore", crypto], swiftSettings: strict),
        .target(name: "CLinux"),
        .target(name: "CHeap"),
        .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .target(
            name: "Systemd",
            dependencies: ["CSystemd", logging, serviceLifecycle],
            swiftSettings: strict
        ),

        // The stages.
        .target(
            name: "RefreshEngine",
            dependencies: ["RefreshCore", "TimerWheel", "OAuth", "KillPoints", "CLinux", logging, serviceLifecycle],
            swiftSettings: strict
        ),

        // The edge.
        .target(name: "Varlink", dependencies: [nioCore, nioPosix, logging], swiftSettings: strict),
        .target(
            name: "ControlAPI",
            resources: [.embedInCode("org.refreshd.Control.varlink")],
            swiftSettings: strict
        ),
        .target(
            name: "ControlServer",
            dependencies: [
                "RefreshCore", "RefreshEngine", "Varlink", "ControlAPI", "CLinux", nioCore, nioPosix, serviceLifecycle,
                logging,
            ],
            swiftSettings: strict
        ),

        .target(
            name: "HandoffServer",
            dependencies: ["RefreshCore", "RefreshEngine", hummingbird, nioCore, serviceLifecycle, logging],
            swiftSettings: strict
        ),

        // Programs.
        .executableTarget(
            name: "refreshd",
            dependencies: [
                "RefreshCore", "OAuth", "SQLiteStore", "RotationJournal", "OAuthHTTP", "Sinks", "Sealing", "Systemd",
                "RefreshEngine", "ControlServer", "ControlAPI", "HandoffServer", "KillPoints", "CLinux", "CHeap",
                argumentParser, tomlKit,
                logging, serviceLifecycle,
                unixSignals, nioCore,
                nioPosix,
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "refreshctl",
            dependencies: ["Varlink", "ControlAPI", argumentParser, nioCore, nioPosix],
            swiftSettings: strict
        ),

        // A judge that shares our code shares our mistakes: nothing of ours is imported here.
        .target(
            name: "PracticeProvider",
            dependencies: [
                hummingbird, hummingbirdTLS, nioCore, nioPosix, nioSSL, crypto, x509, swiftASN1, logging,
                serviceLifecycle,
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "refresh-practice",
            dependencies: ["PracticeProvider", argumentParser, logging, serviceLifecycle, unixSignals],
            swiftSettings: strict
        ),

        // Tests.
        .target(
            name: "TestSupport",
            dependencies: ["RefreshCore", "OAuth", logging],
            path: "Tests/TestSupport",
            swiftSettings: strict
        ),
        .target(
            name: "LoopbackServer",
            dependencies: [nioCore, nioPosix, nioSSL],
            path: "Tests/LoopbackServer",
            swiftSettings: strict
        ),
        .testTarget(
            name: "TestSupportTests",
            dependencies: ["TestSupport", "RefreshCore", logging],
            swiftSettings: strict
        ),
        .testTarget(name: "RefreshCoreTests", dependencies: ["RefreshCore", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "TimerWheelTests", dependencies: ["TimerWheel", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "OAuthTests", dependencies: ["OAuth", "RefreshCore", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "StoreConformanceTests",
            dependencies: ["SQLiteStore", "Sealing", "RefreshEngine", "RefreshCore", "TestSupport", grdb, logging],
            swiftSettings: strict
        ),
        .testTarget(
            name: "RotationJournalTests",
            dependencies: ["RotationJournal", "Sealing", "RefreshCore", "TestSupport", logging],
            swiftSettings: strict
        ),
        .testTarget(
            name: "SealingTests",
            dependencies: ["Sealing", "RefreshCore", "TestSupport"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "OAuthHTTPTests",
            dependencies: [
                "OAuthHTTP", "RefreshCore", "LoopbackServer", "TestSupport", nioCore, nioPosix, nioSSL, x509, swiftASN1,
                crypto,
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "SinksTests",
            dependencies: ["Sinks", "RefreshCore", "LoopbackServer", "TestSupport", nioCore, nioPosix, logging],
            swiftSettings: strict
        ),
        .testTarget(name: "SystemdTests", dependencies: ["Systemd", logging, serviceLifecycle], swiftSettings: strict),
        .testTarget(
            name: "RefreshEngineTests",
            dependencies: ["RefreshEngine", "RefreshCore", "OAuth", "TestSupport", logging, serviceLifecycle],
            swiftSettings: strict
        ),
        .testTarget(
            name: "VarlinkTests",
            dependencies: ["Varlink", "TestSupport", nioCore, nioPosix, nioEmbedded],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ControlServerTests",
            dependencies: [
                "ControlServer", "ControlAPI", "Varlink", "RefreshEngine", "RefreshCore", "OAuth", "TestSupport",
                nioCore, nioPosix, nioEmbedded, logging, serviceLifecycle,
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "HandoffServerTests",
            dependencies: [
                "HandoffServer", "RefreshEngine", "RefreshCore", "OAuth", "TestSupport", nioCore, nioPosix, logging,
                serviceLifecycle,
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "PracticeProviderTests",
            dependencies: ["PracticeProvider", asyncHTTPClient, nioCore, nioHTTP1, nioPosix, nioSSL, logging],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ConfigurationTests",
            dependencies: ["refreshd", "RefreshCore", "OAuth", "TestSupport"],
            swiftSettings: strict
        ),
        .testTarget(name: "ControlAPITests", dependencies: ["ControlAPI", "Varlink"], swiftSettings: strict),
        .testTarget(
            name: "RefreshctlTests",
            dependencies: ["refreshctl", "ControlAPI", "Varlink", nioCore, nioPosix],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ArchitectureTests",
            dependencies: ["ControlAPI", "TestSupport"],
            exclude: ["Surface"],
            swiftSettings: strict
        ),
    ],
    swiftLanguageModes: [.v6]
)

// Left out of ordinary builds: nobody's tests should wait for a program that only measures.
if Context.environment["REFRESHD_BENCHMARKS"] != nil {
    package.targets.append(
        .executableTarget(
            name: "Benchmarks",
            dependencies: [
                "TimerWheel", "RefreshCore", "OAuth", "OAuthHTTP", "SQLiteStore", "RotationJournal", "Sealing",
                "RefreshEngine", "ControlAPI", "ControlServer", "PracticeProvider", "CHeap", argumentParser,
                asyncHTTPClient,
                nioCore, nioHTTP1, nioPosix, nioSSL, logging, serviceLifecycle,
            ],
            path: "Tests/Benchmarks",
            swiftSettings: strict
        )
    )
}
