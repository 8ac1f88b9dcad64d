import ArgumentParser

/// Makes a store for `load-accounts`, in a process whose memory is not looked at.
struct FillStoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "fill-store", shouldDisplay: false)

    @Argument var folder: String
    @Argument var accounts: Int
    @Argument var tokenBytes: Int

    func run() async throws {
        let accounts = try MadeUpStore.accounts(self.accounts, tokenBytes: self.tokenBytes)
        // Two hours to a day: nothing is due while it is looked at, and the wheel is filled on several levels.
        try await MadeUpStore(folder: self.folder).fill(accounts) { index in .seconds(7_200 + index * 7_919 % 79_200) }
        print("filled")
    }
}
