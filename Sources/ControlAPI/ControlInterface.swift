/// The definition of `org.refreshd.Control`, the project's one public API.
package enum ControlInterface {
    package static let name = "org.refreshd.Control"

    /// The definition's text.
    ///
    /// It is compiled in, so that a program needs no file beside it to describe itself.
    package static var text: String { String(decoding: PackageResources.org_refreshd_Control_varlink, as: UTF8.self) }
}
