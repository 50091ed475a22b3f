//! Keeping and reminding, told as chat.

use waddlebot_testbed::Postgres;

use super::Memories;
use crate::play::{examples_of, on_postgres, play, play_at};

#[tokio::test]
async fn every_example_is_true() {
    examples_of::<Memories>().await;
}

const KEEPING: &str = r#"
    bob(viewer): !memories list
    bot: Nothing is kept yet. A moderator begins with !memories add quote "a text" [author]
    bob(viewer): !memories quotes
    bot: There is no quote yet. A moderator adds one with !memories add quote "a text" [author]
    bob(viewer): !memories add quote "not me"
    bot to bob: !memories add quote is for moderators and above
    ana(moderator): !memories add quote "Ducks, „they“ \"fly\" 🦆"
    bot: Kept as #1: "Ducks, „they“ "fly" 🦆" – Unknown
    ana(moderator): !memories add quote nobody expects {user} the ducks
    bot: Kept as #2: "nobody expects {user} the ducks" – Unknown
    ana(moderator): !memories add url "Our Site" example.org/x?y=1 "a fine place"
    bot: Kept as #3: Our Site: https://example.org/x?y=1 – a fine place
    ana(moderator): !memories add url Evil javascript:alert(1)
    bot to ana: that is no link to the web, such as https://example.org. Usage: !memories add url <title> <url> [description]
    ana(moderator): !memories add note Übung "Jeden Freitag" Sport, SPORT,Ärger
    bot: Kept as #4: Übung: Jeden Freitag [sport, ärger]
    bob(viewer): !memories list
    bot: quotes (2): #2 "nobody expects {user} the ducks" – Unknown · #1 "Ducks, „they“ "fly" 🦆" – Unknown | urls (1): #3 Our Site: https://example.org/x?y=1 | notes (1): #4 Übung
    bob(viewer): !memories list notes
    bot: notes (1): #4 Übung
    bob(viewer): !memories urls
    bot: urls (1): #3 Our Site: https://example.org/x?y=1
    bob(viewer): !memories search ÜBUNG
    bot: Found: #4 Übung
    bob(viewer): !memories search ärger
    bot: Found: #4 Übung
    bob(viewer): !memories search unknown
    bot: Found: #2 … · #1 …
    bob(viewer): !memories search %
    bot: Nothing found for %
    bob(viewer): !memories get 4
    bot: #4 Übung: Jeden Freitag [sport, ärger] (shown 1×)
    bob(viewer): !memories get #4
    bot: #4 Übung: Jeden Freitag [sport, ärger] (shown 2×)
    bob(viewer): !memories get 99
    bot to bob: nothing is kept as #99
    bob(viewer): !memories get four
    bot to bob: the number must be a number, not "four". Usage: !memories get <number>
"#;

#[tokio::test]
async fn quotes_links_and_notes_are_kept_and_found() {
    play::<Memories>(KEEPING).await;
}

const CHANGING: &str = r#"
    ana(moderator): !memories add quote "Quack" duck
    bot: Kept as #1: "Quack" – duck
    bob(viewer): !memories edit 1 author me
    bot to bob: !memories edit is for moderators and above
    ana(moderator): !memories edit 1 author "Donald D."
    bot: Now #1: "Quack" – Donald D.
    ana(moderator): !memories edit 1 content "Quack quack"
    bot: Now #1: "Quack quack" – Donald D.
    ana(moderator): !memories edit 1 url example.org
    bot to ana: a quote has no such part
    ana(moderator): !memories edit 1 colour red
    bot to ana: what can be changed is title, content, author, url or tags. Usage: !memories edit <number> <title|content|author|url|tags> <value>
    ana(moderator): !memories edit 1 author ""
    bot to ana: the new value is missing. Usage: …
    ana(moderator): !memories add url site example.org
    bot: Kept as #2: site: https://example.org
    ana(moderator): !memories edit 2 url ftp://example.org
    bot to ana: that is no link to the web, such as https://example.org
    ana(moderator): !memories edit 2 url http://example.org/new
    bot: Now #2: site: http://example.org/new
    bob(viewer): !memories search donald
    bot: Found: #1 "Quack quack" – Donald D.
    bob(viewer): !memories react 1 love
    bot: #1 has 1 love
    bob(viewer): !memories react 1 love
    bot to bob: you reacted to #1 like that already
    carl(viewer): !memories react 1 LOVE
    bot: #1 has 2 love
    carl(viewer): !memories react 1 like
    bot: #1 has 1 like, 2 love
    carl(viewer): !memories react 1 hate
    bot to carl: a reaction is like, love, laugh, helpful
    carl(viewer): !memories get 1
    bot: #1 "Quack quack" – Donald D. (shown 1×, 1 like, 2 love)
    ana(moderator): !memories delete 1
    bot: #1 is dropped
    ana(moderator): !memories delete 1
    bot to ana: nothing is kept as #1
    bob(viewer): !memories get 1
    bot to bob: nothing is kept as #1
    bob(viewer): !memories react 1 like
    bot to bob: nothing is kept as #1
    bob(viewer): !memories search quack
    bot: Nothing found for quack
    bob(viewer): !memories list quotes
    bot: There is no quote yet
    (restart)
    ana(moderator): !memories add quote again
    bot: Kept as #3: "again" – Unknown
"#;

#[tokio::test]
async fn what_is_kept_can_be_changed_liked_and_dropped() {
    play::<Memories>(CHANGING).await;
}

#[tokio::test]
async fn a_random_quote_is_one_of_them() {
    play::<Memories>(
        r#"
        ana(moderator): !memories add quote "the only one" ana
        bot: Kept as #1: "the only one" – ana
        ana(moderator): !memories add note a b
        bot: Kept as #2: a: b
        bob(viewer): !memories quotes
        bot: #1 "the only one" – ana
        bob(viewer): !memories quote
        bot: #1 "the only one" – ana
        "#,
    )
    .await;
}

const REMINDING: &str = r#"
    bob(viewer): !memories remind "take the cake out" in "10 minutes"
    bot to bob: I remind you at 2026-01-01 00:10 UTC (#1)
    Carl(viewer): !memories remind stretch your legs in 1h30m
    bot to Carl: I remind you at 2026-01-01 01:30 UTC (#2)
    bob(viewer): !memories reminders
    bot to bob: #1 take the cake out (2026-01-01 00:10 UTC)
    (9 minutes 59 seconds pass)
    (1 second passes)
    bot to bob: Reminder: take the cake out
    bob(viewer): !memories reminders
    bot to bob: Nothing waits for you. Try !memories remind "a text" in "10 minutes"
    (restart)
    (1 hour 19 minutes pass)
    (1 minute passes)
    bot to Carl: Reminder: stretch your legs
    (1 day passes)
"#;

#[tokio::test]
async fn a_reminder_comes_once_and_in_time() {
    play::<Memories>(REMINDING).await;
}

#[tokio::test]
async fn a_reminder_that_was_slept_through_comes_late_but_once() {
    play::<Memories>(
        r#"
        bob(viewer): !memories remind "tea" in 2 minutes
        bot to bob: I remind you at 2026-01-01 00:02 UTC (#1)
        bob(viewer): !memories remind "coffee" in 3 minutes
        bot to bob: I remind you at 2026-01-01 00:03 UTC (#2)
        (2 hours pass asleep)
        bot to bob: Reminder: tea (from 1 hour ago)
        bot to bob: Reminder: coffee (from 1 hour ago)
        (restart)
        (1 day passes)
        "#,
    )
    .await;
}

const RECURRING: &str = r#"
    (30 days 10 hours pass)
    bob(viewer): !memories remind "pay the rent" in 1 minute monthly
    bot to bob: I remind you at 2026-01-31 10:01 UTC, then monthly (#1)
    (1 minute passes)
    bot to bob: Reminder: pay the rent
    (27 days pass)
    (1 day passes)
    bot to bob: Reminder: pay the rent
    (30 days pass)
    (1 day passes)
    bot to bob: Reminder: pay the rent
    bob(viewer): !memories reminders
    bot to bob: #1 pay the rent (2026-04-30 10:01 UTC, monthly)
    carl(viewer): !memories reminders cancel 1
    bot to carl: you have no reminder #1; see !memories reminders
    bob(viewer): !memories reminders cancel 1
    bot to bob: I no longer remind you of #1
    (60 days pass)
    bob(viewer): !memories remind "water the plants" daily until 2026-06-02
    bot to bob: I remind you at 2026-05-31 10:01 UTC, then daily (#2)
    (1 day passes)
    bot to bob: Reminder: water the plants
    (restart)
    (2 days pass)
    bot to bob: Reminder: water the plants
    bot to bob: Reminder: water the plants
    (10 days pass)
"#;

#[tokio::test]
async fn what_comes_again_keeps_its_day_and_ends() {
    play::<Memories>(RECURRING).await;
}

#[tokio::test]
async fn a_reminder_needs_a_text_and_a_time() {
    play::<Memories>(
        r#"
        bob(viewer): !memories remind
        bot to bob: a text is missing. Usage: !memories remind <text> <in time> [daily|weekly|monthly] [until day]
        bob(viewer): !memories remind "tea"
        bot to bob: a time is missing. Usage: …
        bob(viewer): !memories remind "tea" in "soon"
        bot to bob: that is no time I understand; try "10 minutes", "1h30m", "2 weeks" or "1 month". Usage: …
        bob(viewer): !memories remind "tea" in -5 minutes
        bot to bob: that is no time I understand; …
        bob(viewer): !memories remind "tea" in 0 minutes
        bot to bob: a reminder is for later
        bob(viewer): !memories remind "tea" in 6 years
        bot to bob: that is more than 5 years away
        bob(viewer): !memories remind "tea" in 1 minute daily until 2025-12-31
        bot to bob: it ends before it begins
        "#,
    )
    .await;
}

#[tokio::test]
async fn only_so_many_reminders_wait_for_one_person() {
    play::<Memories>(
        r#"
        (setting reminders_per_person: 1)
        bob(viewer): !memories remind "tea" in 1 minute
        bot to bob: I remind you at 2026-01-01 00:01 UTC (#1)
        bob(viewer): !memories remind "tea" in 1 minute
        bot to bob: 1 reminders wait for you already; see !memories reminders
        carl(viewer): !memories remind "tea" in 1 minute
        bot to carl: I remind you at 2026-01-01 00:01 UTC (#2)
        (1 minute passes)
        bot to bob: Reminder: tea
        bot to carl: Reminder: tea
        "#,
    )
    .await;
}

#[tokio::test]
async fn the_same_message_heard_twice_makes_one_reminder() {
    play::<Memories>(
        r#"
        bob(viewer): !memories remind "tea" in 1 minute
        bot to bob: I remind you at 2026-01-01 00:01 UTC (#1)
        (heard again)
        (1 minute passes)
        bot to bob: Reminder: tea
        "#,
    )
    .await;
}

#[tokio::test]
async fn long_texts_are_refused() {
    let long = "x".repeat(1_001);
    play::<Memories>(&format!(
        r#"
        ana(moderator): !memories add quote "{long}"
        bot to ana: the content has more than 1000 characters. Usage: …
        ana(moderator): !memories add note "{long}" x
        bot to ana: the title has more than 200 characters. Usage: …
        bob(viewer): !memories remind "{long}" in 1 minute
        bot to bob: the content has more than 1000 characters. Usage: …
        "#
    ))
    .await;
}

#[tokio::test]
async fn all_of_it_holds_on_postgresql() {
    let server = Postgres::start();
    for log in [KEEPING, CHANGING, REMINDING, RECURRING] {
        play_at::<Memories>(&on_postgres(&server), log).await;
    }
}
