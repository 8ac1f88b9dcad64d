import RefreshCore
import TestSupport
import Testing

@Suite struct AccountMachineTests {
    @Test func `an account goes round: due, started, ended, settled`() {
        var machine = AccountMachine(standing: .good)
        #expect(machine.phase == .asleep)
        #expect(machine.due() == .enqueue)
        #expect(machine.phase == .queued && !machine.isRefreshing)
        #expect(machine.started() == true)
        #expect(machine.phase == .inFlight && machine.isRefreshing)
        machine.ended()
        #expect(machine.phase == .committing && machine.isRefreshing)
        machine.renewed(standing: .good)
        #expect(machine == AccountMachine(standing: .good))
    }

    @Test func `whoever is awake is not woken again`() {
        var machine = AccountMachine(standing: .good)
        _ = machine.due()
        for step in [{ (_: inout AccountMachine) in }, { _ = $0.started() }, { $0.ended() }] {
            step(&machine)
            #expect(machine.due() == .none)
            #expect(machine.asked() == .none)
        }
    }

    @Test func `a pause stops the clock and no person`() {
        var machine = AccountMachine(standing: .good, isPaused: true)
        #expect(machine.due() == .none)
        #expect(machine.asked() == .enqueue)
    }

    @Test func `what cannot be refreshed is woken by its end, and by nobody else`() {
        var machine = AccountMachine(standing: .static)
        #expect(machine.asked() == .none)
        #expect(machine.phase == .asleep)
        #expect(machine.due() == .enqueue)
    }

    @Test func `an account that was called back while it waited does not start`() {
        var machine = AccountMachine(standing: .good)
        _ = machine.due()
        machine.calledBack()
        #expect(machine.started() == false)
        #expect(machine.phase == .asleep)
    }

    @Test func `what is on its way cannot be called back`() {
        var machine = AccountMachine(standing: .good)
        _ = machine.due()
        _ = machine.started()
        machine.calledBack()
        #expect(machine.phase == .inFlight)
        machine.ended()
        machine.calledBack()
        #expect(machine.phase == .committing)
    }

    @Test func `failures and doubts add up until a token comes`() {
        var machine = AccountMachine(standing: .good)
        machine.failed(standing: .retrying, unknownAt: nil)
        machine.failed(standing: .inDoubt, unknownAt: Timestamp(seconds: 10))
        machine.failed(standing: .inDoubt, unknownAt: Timestamp(seconds: 20))
        #expect(machine.failures == 3 && machine.unknowns == 2)
        #expect(machine.firstUnknownAt == Timestamp(seconds: 10))
        machine.gaveUp()
        #expect(machine.failures == 3, "what was not sent is no failure")
        machine.renewed(standing: .good)
        #expect(machine.failures == 0 && machine.unknowns == 0 && machine.firstUnknownAt == nil)
    }

    @Test func `a restart does not forget a doubt`() {
        #expect(AccountMachine(standing: .inDoubt, failures: 0).unknowns == 1)
        let doubt = Doubt(unknowns: 4, since: Timestamp(seconds: 10))
        let machine = AccountMachine(standing: .inDoubt, failures: 5, doubt: doubt)
        #expect(machine.unknowns == 4 && machine.doubt == doubt)
        #expect(AccountMachine(standing: .retrying, failures: 4).unknowns == 0)
    }

    @Test func `the first doubtful death is remembered until a token comes`() {
        var machine = AccountMachine(standing: .good)
        machine.failed(standing: .inDoubt, unknownAt: nil, doubtfulDeathAt: Timestamp(seconds: 10))
        machine.failed(standing: .inDoubt, unknownAt: nil, doubtfulDeathAt: Timestamp(seconds: 20))
        machine.failed(standing: .inDoubt, unknownAt: nil)
        #expect(machine.doubtfulDeathAt == Timestamp(seconds: 10))
        machine.renewed(standing: .good)
        #expect(machine.doubtfulDeathAt == nil)
    }

    @Test func `a new grant takes over where the attempt is, and nothing else`() {
        var old = AccountMachine(standing: .inDoubt, failures: 3)
        _ = old.due()
        _ = old.started()
        var new = AccountMachine(standing: .good)
        new.takePhase(of: old)
        #expect(new.phase == .inFlight && new.failures == 0 && new.unknowns == 0 && new.standing == .good)
    }

    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func `whatever happens in whatever order, one waking is one start`(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var machine = AccountMachine(standing: .good)
        var isWaiting = false
        for _ in 0..<500 {
            let before = machine.phase
            switch Int.random(in: 0..<9, using: &random) {
            case 0, 1:
                let action = Bool.random(using: &random) ? machine.due() : machine.asked()
                #expect((action == .enqueue) == (before == .asleep && machine.phase == .queued), "seed \(seed)")
                if action == .enqueue {
                    #expect(!isWaiting, "seed \(seed)")
                    isWaiting = true
                }
            case 2, 3:
                let starts = machine.started()
                #expect(starts == isWaiting, "seed \(seed)")
                isWaiting = false
            case 4:
                machine.calledBack()
                isWaiting = false
            case 5:
                machine.ended()
                #expect(machine.phase == (before == .inFlight ? .committing : before), "seed \(seed)")
            case 6:
                machine.isPaused.toggle()
            // A result is only told of one that is being written down.
            case 7 where before == .committing:
                machine.renewed(standing: .good)
            case 8 where before == .committing:
                machine.failed(standing: .retrying, unknownAt: nil)
            default:
                break
            }
        }
    }
}
