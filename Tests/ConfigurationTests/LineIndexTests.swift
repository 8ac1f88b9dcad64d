import Testing

@testable import refreshd

@Suite struct LineIndexTests {
    @Test func `keys are found behind everything that may hide them`() {
        let index = LineIndex(
            #"""
            # [not.a.table]
            top = "# no comment" # a = 1

            [a.b] # c
            text = """
            x = 1
            [no]
            "quoted" \"""
            """
            literal = '''
            y = 2
            '''
            list = [
              "one", # ]
              [ "two" ],
            ]
            dotted.key = 5
            "two words" = 6

            [[rules]]
            who = 1
              [rules.deep]
              key = 2

            [[rules]]
            who = { a = "}", b = 2 }
            last = 3
            """#
        )

        #expect(index.line(of: "top") == 2)
        #expect(index.line(of: "a.b") == 4)
        #expect(index.line(of: "a.b.text") == 5)
        #expect(index.line(of: "a.b.x") == nil)
        #expect(index.line(of: "no") == nil)
        #expect(index.line(of: "a.b.literal") == 10)
        #expect(index.line(of: "a.b.y") == nil)
        #expect(index.line(of: "a.b.list") == 13)
        #expect(index.line(of: "a.b.dotted") == 17)
        #expect(index.line(of: "a.b.dotted.key") == 17)
        #expect(index.line(of: "a.b.\"two words\"") == 18)
        #expect(index.line(of: "rules[0]") == 20)
        #expect(index.line(of: "rules[0].who") == 21)
        #expect(index.line(of: "rules[0].deep.key") == 23)
        #expect(index.line(of: "rules[1].who") == 26)
        #expect(index.line(of: "rules[1].last") == 27)
    }

    @Test func `line ends of either kind and a byte order mark do not shift the lines`() {
        let index = LineIndex("\u{FEFF}[a]\r\nb = 1\r\n\r\nc = 2")

        #expect(index.line(of: "a") == 1)
        #expect(index.line(of: "a.b") == 2)
        #expect(index.line(of: "a.c") == 4)
    }
}
