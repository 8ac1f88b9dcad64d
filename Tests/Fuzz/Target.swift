import FoundationEssentials
import Glibc

/// Called by the fuzzer before it reads its corpus: the place to write down what it is to begin with.
///
/// Each target has `seeds`; the runner names an empty directory for them in `REFRESHD_FUZZ_SEEDS`.
@_cdecl("LLVMFuzzerInitialize")
public func writeSeeds(
    _ count: UnsafeMutablePointer<CInt>?,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>?
) -> CInt {
    guard let directory = ProcessInfo.processInfo.environment["REFRESHD_FUZZ_SEEDS"] else { return 0 }
    for (index, seed) in seeds.enumerated() {
        do {
            try Data(seed).write(to: URL(filePath: "\(directory)/seed-\(index)"))
        } catch {
            preconditionFailure("the seeds cannot be written: \(error)")
        }
    }
    return 0
}

/// Says what is not true, and ends the process: that is how a fuzzer is told.
///
/// `precondition` has no words in optimized code.
func claim(_ holds: Bool, _ otherwise: StaticString) {
    guard !holds else { return }
    for text in ["not true: ", otherwise, "\n"] as [StaticString] {
        _ = unsafe write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
    }
    abort()
}
