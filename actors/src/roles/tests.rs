//! Roles as the specification orders them.

use super::*;

#[test]
fn the_matrix_gives_each_role_what_the_specification_says() {
    let of = |role| PERMISSIONS.iter().filter(|(permission, ..)| permits(role, *permission)).count();
    assert_eq!([Role::Viewer, Role::Vip, Role::Moderator, Role::Admin, Role::Owner].map(of), [3, 3, 9, 16, 17]);
    assert!(!permits(Role::Owner, Permission::ChatDelete), "it is given to nobody");
    assert!(!permits(Role::Admin, Permission::CommunityDelete));
    for (permission, name, _) in PERMISSIONS {
        assert_eq!((Permission::parse(name), permission.name()), (Some(permission), name));
    }
    assert_eq!(Permission::parse("chat.shout"), None);
}

#[test]
fn a_channels_own_role_comes_first_then_badge_or_community_then_what_everybody_is() {
    let mut roles = Roles::default();
    let of = |roles: &Roles, user: &str, badge| roles.of("p:room", "p", user, badge);
    assert_eq!(of(&roles, "bob", Role::Viewer), Role::Viewer);
    assert_eq!(of(&roles, "bob", Role::Moderator), Role::Moderator);
    roles.set("p", "bob", Some(Role::Admin));
    assert_eq!(of(&roles, "bob", Role::Moderator), Role::Admin);
    assert_eq!(of(&roles, "bob", Role::Owner), Role::Owner);
    roles.set_in("p:room", "bob", Some(Role::Viewer));
    assert_eq!(of(&roles, "bob", Role::Owner), Role::Viewer, "expressly less here");
    assert_eq!(roles.of("p:other", "p", "bob", Role::Viewer), Role::Admin);
    assert_eq!(roles.of("q:room", "q", "bob", Role::Viewer), Role::Viewer, "somebody else's bob");
    roles.set_in("p:room", "bob", None);
    roles.set("p", "bob", None);
    assert_eq!(roles, Roles::default());
}

#[test]
fn a_community_says_what_badges_count_for() {
    let mut roles = Roles::default();
    assert_eq!(roles.of("p:room", "p", "sue", Role::Subscriber), Role::Viewer, "a badge is no rank");
    roles.badges.set(Role::Subscriber, Role::Vip);
    roles.badges.set(Role::Moderator, Role::Viewer);
    roles.badges.set(Role::Viewer, Role::Owner);
    assert_eq!(roles.of("p:room", "p", "sue", Role::Subscriber), Role::Vip);
    assert_eq!(roles.of("p:room", "p", "mo", Role::Moderator), Role::Viewer);
    assert_eq!(roles.of("p:room", "p", "bob", Role::Viewer), Role::Viewer, "no badge gives nothing");
}

#[test]
fn nobody_changes_those_beside_or_above_them_but_an_owner() {
    assert!(may_change(Role::Admin, Role::Viewer, Role::Moderator));
    assert!(!may_change(Role::Admin, Role::Viewer, Role::Admin));
    assert!(!may_change(Role::Admin, Role::Owner, Role::Viewer));
    assert!(!may_change(Role::Moderator, Role::Viewer, Role::Vip));
    assert!(may_change(Role::Owner, Role::Owner, Role::Viewer));
}
