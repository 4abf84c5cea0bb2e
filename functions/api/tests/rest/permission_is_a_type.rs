//! A handler that names no permission, or names it late, does not compile as a route.

use api::access::{Access, CallsRead};
use api::routes::NamesPermission;
use axum::extract::Path;
use domain::access::Permission;

/// The call below is ambiguous, and so does not compile, as soon as `T` names a permission.
trait Ambiguous<A> {
    fn only_without_permission() {}
}
struct Named;
impl<T: ?Sized> Ambiguous<()> for T {}
impl<T: ?Sized + NamesPermission> Ambiguous<Named> for T {}

#[test]
fn parameters_without_access_first_are_no_route() {
    type Nothing = ((),);
    type OnlyPath = ((), Path<String>);
    type AccessLate = ((), Path<String>, Access<CallsRead>);
    <Nothing as Ambiguous<_>>::only_without_permission();
    <OnlyPath as Ambiguous<_>>::only_without_permission();
    <AccessLate as Ambiguous<_>>::only_without_permission();
}

#[test]
fn the_scope_is_read_from_the_parameters() {
    assert_eq!(<((), Access<CallsRead>) as NamesPermission>::PERMISSION, Permission::CallsRead);
    assert_eq!(<((), Access<CallsRead>, Path<String>) as NamesPermission>::PERMISSION, Permission::CallsRead);
}
