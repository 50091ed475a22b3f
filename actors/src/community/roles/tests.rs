//! Roles as chat meets them: given, taken, mapped from badges; and who belongs where. On both databases.

use std::time::Duration;

use waddlebot_runtime::chat::{ChannelKey, CommunityId, GLOBAL_COMMUNITY, Role};
use waddlebot_runtime::clock::Clock;
use waddlebot_runtime::event::EventKind;
use waddlebot_runtime::intake::{self, Ears as _, Verdict};
use waddlebot_runtime::store::{Place, file_in};

use super::Unchanged;
use crate::modules::alias::Alias;
use crate::registry;
use crate::roles::audit;
use crate::roles::bulk::{self, Subject};
use crate::roles::table::{self, Change, Member, Person, Wanted};
use crate::roles::{Badges, Permission};
use crate::seat::entry;
use crate::stage::Stage;

macro_rules! on_both {
    ($($promise:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $promise() {
                let folder = tempfile::tempdir().expect("a folder");
                super::$promise(waddlebot_runtime::store::Place::Sqlite(super::file_in(folder.path()))).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $promise() {
                let server = waddlebot_testbed::Postgres::start();
                super::$promise(crate::play::on_postgres(&server)).await;
            })*
        }
    };
}

on_both!(
    a_role_given_counts_at_once_in_every_channel_and_outlives_a_restart,
    a_channels_own_role_comes_before_the_communitys,
    a_badge_counts_for_what_the_community_says,
    an_admin_raises_nobody_beside_themselves,
    who_leaves_takes_their_roles_along,
    every_change_of_a_role_is_written_down_with_who_made_it,
    everybody_seen_acting_belongs_to_the_global_community,
    many_people_are_changed_and_asked_about_at_once_in_order,
    the_first_in_a_channel_owns_it_and_a_servers_channels_stay_together,
);

async fn every_change_of_a_role_is_written_down_with_who_made_it(place: Place) {
    let house = house(&place).await;
    house.moderates("one", "bob", Role::Viewer).await;
    house.give(here("ana", Role::Moderator)).await;
    house.give(here("ana", Role::Moderator)).await;
    house.give(in_room("ana", "one", Role::Vip)).await;
    house.give(in_room("ana", "one", None)).await;
    house.give(here("ana", None)).await;
    let (stage, home) = (&house.stage, house.home);
    let refused = stage.household.change_roles(home, vec![here("eve", Role::Owner)], "mallory", Role::Admin).await;
    assert!(matches!(refused, Err(Unchanged::Denied(..))), "{refused:?}");
    stage.household.remove_member(home, person("ana"), "carol", Role::Owner).await.expect("she goes");
    let (changes, total) = audit::changes(stage.household.store(), home, 100, 0).await.expect("the store answers");
    let told = |one: &audit::RoleChange| {
        let role = |role: Option<Role>| role.map_or("none", Role::name);
        format!(
            "{} {} -> {} in {} by {} {}",
            one.who.id,
            role(one.before),
            role(one.after),
            one.entity.as_deref().unwrap_or("all"),
            one.by,
            one.left
        )
    };
    let all: Vec<_> = changes.iter().map(told).collect();
    assert_eq!(
        all,
        [
            "ana viewer -> none in all by carol true",
            "ana moderator -> viewer in all by test false",
            "ana vip -> none in stage:one by test false",
            "ana none -> vip in stage:one by test false",
            "ana viewer -> moderator in all by test false",
        ]
    );
    assert_eq!((total, changes[4].who.name.as_str(), changes[4].at), (5, "ANA", stage.clock.now()));
    assert_eq!(audit::changes(stage.household.store(), home, 2, 3).await.expect("a page").0, changes[3..]);
    house.stage.close().await;
}

struct House {
    stage: Stage,
    home: CommunityId,
}

async fn house(place: &Place) -> House {
    let stage = Stage::open(&[entry::<Alias>()], place, Clock::turned()).await;
    let home = registry::home(stage.household.store(), 0).await.expect("a community").id;
    House { stage, home }
}

impl House {
    /// Whether somebody may do in a room what moderators may.
    async fn moderates(&self, room: &str, name: &str, badge: Role) -> bool {
        let outcome = self.stage.say(room, name, badge, "!alias add !hey !ping", "").await;
        assert!(matches!(outcome.verdict, Verdict::Done | Verdict::Failed | Verdict::Denied), "{outcome:?}");
        outcome.verdict != Verdict::Denied
    }

    async fn give(&self, change: Change) {
        self.stage.household.change_roles(self.home, vec![change], "test", Role::Owner).await.expect("it is changed");
    }

    async fn members(&self, community: CommunityId, text: &str, role: Option<Role>) -> Vec<Member> {
        let wanted = Wanted { community, everybody: false, text, role, limit: 100, offset: 0 };
        table::members(self.stage.household.store(), wanted).await.expect("the store answers").0
    }
}

fn person(id: &str) -> Person {
    Person { platform: "stage".into(), id: id.into(), name: id.to_uppercase() }
}

fn here(id: &str, role: impl Into<Option<Role>>) -> Change {
    Change { who: person(id), entity: None, role: role.into() }
}

fn in_room(id: &str, room: &str, role: impl Into<Option<Role>>) -> Change {
    Change { who: person(id), entity: Some(format!("stage:{room}")), role: role.into() }
}

async fn a_role_given_counts_at_once_in_every_channel_and_outlives_a_restart(place: Place) {
    let house = house(&place).await;
    assert!(!house.moderates("one", "bob", Role::Viewer).await && !house.moderates("two", "bob", Role::Viewer).await);
    house.give(here("bob", Role::Moderator)).await;
    assert!(house.moderates("one", "bob", Role::Viewer).await && house.moderates("two", "bob", Role::Viewer).await);
    assert_eq!(house.members(house.home, "BO", None).await[0].granted.0, "test");
    house.stage.close().await;
    let house = self::house(&place).await;
    assert!(house.moderates("one", "bob", Role::Viewer).await);
    house.give(here("bob", None)).await;
    assert!(!house.moderates("one", "bob", Role::Viewer).await);
    assert_eq!(house.members(house.home, "bob", Some(Role::Viewer)).await.len(), 1, "still a member");
    house.stage.close().await;
}

async fn a_channels_own_role_comes_before_the_communitys(place: Place) {
    let house = house(&place).await;
    assert!(house.moderates("one", "mo", Role::Moderator).await);
    house.give(in_room("mo", "one", Role::Viewer)).await;
    assert!(!house.moderates("one", "mo", Role::Moderator).await, "expressly less in this channel");
    assert!(house.moderates("two", "mo", Role::Moderator).await);
    house.give(in_room("mo", "one", None)).await;
    assert!(house.moderates("one", "mo", Role::Moderator).await);
    let nowhere = house.stage.household.change_roles(house.home, vec![in_room("mo", "nowhere", Role::Vip)], "test", Role::Owner).await;
    assert_eq!(nowhere, Err(Unchanged::Elsewhere("stage:nowhere".into())));
    house.stage.close().await;
}

async fn a_badge_counts_for_what_the_community_says(place: Place) {
    let house = house(&place).await;
    assert!(!house.moderates("one", "sue", Role::Subscriber).await);
    let mut badges = Badges::default();
    badges.set(Role::Subscriber, Role::Moderator);
    badges.set(Role::Moderator, Role::Viewer);
    house.stage.household.set_badges(house.home, badges, "test").await.expect("it is set");
    assert!(house.moderates("one", "sue", Role::Subscriber).await);
    assert!(!house.moderates("one", "mo", Role::Moderator).await);
    house.stage.close().await;
    let house = self::house(&place).await;
    assert!(house.moderates("one", "sue", Role::Subscriber).await);
    house.stage.close().await;
}

async fn an_admin_raises_nobody_beside_themselves(place: Place) {
    let house = house(&place).await;
    house.give(here("ann", Role::Admin)).await;
    let changed = async |change, by| house.stage.household.change_roles(house.home, vec![here("eve", Role::Vip), change], "ann", by).await;
    assert_eq!(changed(here("bob", Role::Moderator), Role::Admin).await, Ok(2));
    assert!(matches!(changed(here("bob", Role::Admin), Role::Admin).await, Err(Unchanged::Denied(..))));
    assert!(matches!(changed(here("ann", None), Role::Admin).await, Err(Unchanged::Denied(..))));
    assert!(matches!(changed(here("fay", Role::Vip), Role::Moderator).await, Err(Unchanged::Denied(..))));
    assert!(house.members(house.home, "fay", None).await.is_empty(), "all of it or nothing");
    house.stage.close().await;
}

async fn who_leaves_takes_their_roles_along(place: Place) {
    let house = house(&place).await;
    assert!(!house.moderates("one", "bob", Role::Viewer).await);
    for change in [here("bob", Role::Admin), in_room("bob", "one", Role::Admin)] {
        house.give(change).await;
    }
    let remove = async |community| house.stage.household.remove_member(community, person("bob"), "test", Role::Owner).await;
    remove(house.home).await.expect("he goes");
    assert!(!house.moderates("one", "bob", Role::Viewer).await);
    assert!(house.members(house.home, "", None).await.is_empty());
    assert_eq!(remove(house.home).await, Err(Unchanged::Unknown));
    assert!(matches!(remove(GLOBAL_COMMUNITY).await, Err(Unchanged::Unavailable(_))), "nobody leaves that one");
    house.stage.close().await;
}

async fn everybody_seen_acting_belongs_to_the_global_community(place: Place) {
    let house = house(&place).await;
    for name in ["Bob", "Eve", "Bob"] {
        house.stage.say("one", name, Role::Viewer, "hello", "").await;
    }
    house.stage.happen("two", EventKind::MemberLeave, "Fay", 0, "f1").await;
    let turned = async {
        while house.members(GLOBAL_COMMUNITY, "", None).await.len() < 3 {
            house.stage.clock.turn(Duration::from_secs(2));
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), turned).await.expect("they are written down");
    let names: Vec<_> = house.members(GLOBAL_COMMUNITY, "", None).await.into_iter().map(|one| (one.who.name, one.role)).collect();
    assert_eq!(names, ["Bob", "Eve", "Fay"].map(|name| (name.to_owned(), Role::Viewer)));
    assert!(house.members(house.home, "", None).await.is_empty(), "who only chats belongs to no other");
    house.stage.close().await;
}

async fn many_people_are_changed_and_asked_about_at_once_in_order(place: Place) {
    const MANY: usize = 2500;
    let house = house(&place).await;
    house.stage.say("one", "ana", Role::Viewer, "hello", "").await;
    let store = house.stage.household.store();
    let role = |number: usize| Role::RANKS[number % Role::RANKS.len()];
    let changes = (0..MANY).map(|number| (house.home, here(&format!("u{number}"), role(number)))).collect();
    // Who opens the community claims it: that is one, and all these people another.
    let before = store.commits();
    let done = house.stage.household.assign_roles_bulk(changes, "test", Role::Owner).await;
    assert_eq!(done[&house.home], Ok(MANY));
    assert_eq!(store.commits() - before, 2);
    let room = ChannelKey::new("stage", "", "one");
    let place =
        |number: usize| if number.is_multiple_of(2) { bulk::Place::Community(house.home) } else { bulk::Place::Entity(room.clone()) };
    let subject = |number| Subject { platform: "stage".into(), user: format!("u{number}"), place: place(number) };
    let subjects: Vec<_> = (0..MANY + 1).map(subject).collect();
    let roles = bulk::get_user_roles_bulk(store, &subjects).await.expect("the store answers");
    assert!(roles.iter().take(MANY).enumerate().all(|(number, found)| *found == role(number)));
    assert_eq!(roles[MANY], Role::Viewer, "whom nobody knows is what everybody is");
    let checks: Vec<_> = subjects.into_iter().map(|subject| (subject, Permission::UsersTimeout)).collect();
    let page = Wanted { community: house.home, everybody: false, text: "u1", role: Some(Role::Vip), limit: 10, offset: 5 };
    let (page, total) = table::members(store, page).await.expect("the store answers");
    assert_eq!((page.len(), total), (10, (0..MANY).filter(|number| number % 5 == 1 && format!("u{number}").contains("u1")).count() as i64));
    let may = bulk::check_permissions_bulk(store, &checks).await.expect("the store answers");
    assert!(may.iter().take(MANY).enumerate().all(|(number, (may, _))| *may == (role(number) >= Role::Moderator)));
    let people: Vec<_> = (0..MANY).map(|number| person(&format!("u{}", number / 2))).collect();
    assert_eq!(bulk::ensure_users_in_global_community_bulk(store, &people, 0).await.expect("written"), MANY as u64 / 2);
    assert_eq!(bulk::ensure_users_in_global_community_bulk(store, &people, 0).await.expect("written"), 0);
    house.stage.close().await;
}

async fn the_first_in_a_channel_owns_it_and_a_servers_channels_stay_together(place: Place) {
    let house = house(&place).await;
    let store = house.stage.household.store();
    let other = registry::add_group(store, "stage", "s9", 77, 0).await.expect("a group");
    assert_eq!((other.community, other.name.as_str()), (77, "Stage Server s9"));
    let event = |id: &str| waddlebot_runtime::event::Event {
        id: id.into(),
        kind: EventKind::MemberJoin,
        by: waddlebot_runtime::chat::User { id: "fay".into(), name: "Fay".into(), role: Role::Viewer },
        amount: 0,
        text: "".into(),
    };
    let whole = ChannelKey::new("stage", "", "server-1");
    let ear = house.stage.household.channel(&whole).await.expect("it opens");
    intake::tell(ear.as_ref(), event("e1")).await.expect("it is heard");
    let group = registry::group(store, "stage", "server-1").await.expect("the store answers").expect("a group was made");
    assert_eq!((group.community, group.name.as_str()), (house.home, "Stage Server server-1"));
    assert!(house.stage.household.channel(&ChannelKey::new("stage", "s9", "general")).await.is_err(), "there is no community 77");
    house.stage.say("one", "Bob", Role::Viewer, "hello", "").await;
    house.stage.say("one", "Eve", Role::Viewer, "hello", "").await;
    let owner = async |channel: &str| {
        let (entities, _) = registry::entities(store, None, 100, 0).await.expect("the store answers");
        entities.into_iter().find(|entity| entity.key.as_str() == channel).map(|entity| (entity.owner, entity.community))
    };
    let turned = async {
        while owner("stage:one").await.is_none_or(|((id, _), _)| id.is_empty()) {
            house.stage.clock.turn(Duration::from_secs(2));
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), turned).await.expect("it is written down");
    assert_eq!(owner("stage:one").await, Some((("bob".into(), "Bob".into()), house.home)));
    assert_eq!(owner("stage:s9:general").await.map(|(_, community)| community), Some(77));
    house.stage.close().await;
}
