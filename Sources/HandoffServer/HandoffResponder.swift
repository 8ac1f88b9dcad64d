import Hummingbird
import RefreshCore

/// One request of a browser, as the site's proxy passes it on.
///
/// Whatever does not lead on gets the same answer: an unknown ticket, a used one, one that has ended, one whose account
/// has gone.
struct HandoffResponder: HTTPResponder {
    struct Context: InitializableFromSource {
        init(source: ApplicationRequestContextSource) {}
    }

    let desk: HandoffDesk

    func respond(to request: Request, context: Context) async throws -> Response {
        // Whoever only looks uses nothing up.
        guard request.method == .get else {
            return Response(status: .methodNotAllowed, headers: Self.headers.with(.allow, "GET"))
        }
        guard Self.isMeant(request.headers), let address = await self.desk.redeem(request.head.path ?? "/") else {
            return Response(status: .notFound, headers: Self.headers)
        }
        return Response(status: .found, headers: Self.headers.with(.location, address.reveal()))
    }

    /// Nothing is kept on the way, and the third party is not told which page it was.
    private static let headers: HTTPFields = {
        var fields: HTTPFields = [.cacheControl: "no-store"]
        if let referrerPolicy = HTTPFields.Element.Name("Referrer-Policy") { fields[referrerPolicy] = "no-referrer" }
        return fields
    }()

    /// Whether the browser loads this for a page of the site itself.
    ///
    /// A page of somebody else's could have it loaded by a stranger's browser, which would then be logged in as the
    /// ticket's owner. A browser that does not say where a request comes from is believed.
    private static func isMeant(_ headers: HTTPFields) -> Bool {
        func value(_ name: String) -> String? { headers.first { $0.name.canonicalName == name }?.value.lowercased() }
        if let site = value("sec-fetch-site"), site != "same-origin", site != "same-site" { return false }
        // What is fetched in advance may never be shown. A page that is rendered in advance is: its ticket is its own.
        for purpose in ["sec-purpose", "purpose", "x-purpose", "x-moz"].compactMap(value) {
            let isAhead = purpose.hasPrefix("prefetch") || purpose.hasPrefix("preview")
            if isAhead, !purpose.contains("prerender") { return false }
        }
        return true
    }
}

extension HTTPFields {
    fileprivate func with(_ name: Element.Name, _ value: String) -> HTTPFields {
        var fields = self
        fields[name] = value
        return fields
    }
}
