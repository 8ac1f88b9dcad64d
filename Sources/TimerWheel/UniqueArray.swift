/// An array with one owner: no reference count, and no question before each write whether it is shared.
///
/// A standard `Array` asks that question at every single write, which made the wheel two to four times slower.
/// Indices are checked in debug builds, where the tests run, and trusted in release builds. So whoever lets an index
/// in from outside checks it; the links in between are the wheel's own.
@safe struct UniqueArray<Element: BitwiseCopyable & Sendable>: ~Copyable {
    private(set) var count: Int
    private var capacity: Int
    private var base: UnsafeMutablePointer<Element>

    init(repeating element: Element, count: Int) {
        self.count = count
        self.capacity = count
        unsafe self.base = .allocate(capacity: count)
        unsafe self.base.initialize(repeating: element, count: count)
    }

    deinit {
        // Elements are bitwise copyable and need no deinitialization.
        unsafe self.base.deallocate()
    }

    subscript(index: Int32) -> Element {
        // `_read` and `_modify`, not `get` and `set`: one field is written without copying its element out and in.
        @inline(__always) _read {
            assert(index >= 0 && Int(index) < self.count)
            yield unsafe self.base[Int(index)]
        }
        @inline(__always) _modify {
            assert(index >= 0 && Int(index) < self.count)
            yield unsafe &self.base[Int(index)]
        }
    }

    /// Makes the array at least `count` long by appending copies of `element`.
    ///
    /// When the memory is used up it doubles, and everything is copied; new memory stays untouched until it is needed.
    mutating func extend(to count: Int, with element: Element) {
        guard count > self.count else { return }
        if count > self.capacity {
            let capacity = max(count, self.capacity * 2)
            let larger = UnsafeMutablePointer<Element>.allocate(capacity: capacity)
            unsafe larger.moveInitialize(from: self.base, count: self.count)
            unsafe self.base.deallocate()
            unsafe self.base = larger
            self.capacity = capacity
        }
        unsafe (self.base + self.count).initialize(repeating: element, count: count - self.count)
        self.count = count
    }
}

// Sole owner of its memory, which nothing else points to: sent elsewhere, it takes the memory along, as `Array` does.
extension UniqueArray: @unchecked Sendable {}
