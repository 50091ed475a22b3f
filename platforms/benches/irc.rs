//! What one line of IRC costs: cut out of the socket's bytes, read, understood.

use std::hint::black_box;

use bytes::BytesMut;
use divan::Bencher;
use divan::counter::ItemsCount;
use waddlebot_platforms::irc::cut::pieces;
use waddlebot_platforms::irc::frame::Framer;
use waddlebot_platforms::irc::line::Line;
use waddlebot_platforms::irc::tags::Marks;

const PLAIN: &str = ":viewer12!~v12@host-12.example.net PRIVMSG #pond :that was close! did you see how it jumped?";
const TAGGED: &str = "@badge-info=subscriber/8;badges=moderator/1,subscriber/6;color=#1E90FF;display-name=Ana;emotes=;first-msg=0;\
    flags=;id=885196de-cb67-427a-baa8-82f9b0fcd05f;mod=1;room-id=71092938;subscriber=1;tmi-sent-ts=1767225600123;turbo=0;\
    user-id=12345678;user-type=mod :ana!ana@ana.tmi.twitch.tv PRIVMSG #pond :!so @ninja";
const LINES: usize = 128;

fn main() {
    divan::main();
}

#[divan::bench(args = [PLAIN, TAGGED])]
fn a_line(line: &str) -> Option<usize> {
    Line::parse(black_box(line)).map(|line| line.nick().len() + line.last().len())
}

#[divan::bench]
fn the_tags_of_a_line() -> bool {
    let line = Line::parse(black_box(TAGGED)).expect("a line");
    Marks::read(line.tags, true).role.is_some()
}

#[divan::bench]
fn a_chunk_of_lines(bencher: Bencher<'_, '_>) {
    let text = format!("{PLAIN}\r\n").repeat(LINES);
    bencher.counter(ItemsCount::new(LINES)).with_inputs(|| (Framer::default(), BytesMut::from(text.as_bytes()))).bench_values(
        |(mut framer, mut buffer)| {
            let chunk = framer.take(&mut buffer).expect("whole lines");
            chunk.lines().map(|line| chunk.keep(line.last()).len()).sum::<usize>()
        },
    );
}

#[divan::bench]
fn a_long_answer_in_pieces() -> usize {
    pieces(black_box(&"word after word ".repeat(60)), 400).count()
}
