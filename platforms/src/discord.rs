//! Which connection to Discord brings what is said in a server: the gateway's shard.

use std::num::NonZeroU32;

use waddlebot_runtime::chat::ChannelKey;

/// The shard that brings a server's events: `(guild_id >> 22) % num_shards` (Discord's gateway documentation, "Sharding").
#[must_use]
pub fn shard(guild: u64, shards: NonZeroU32) -> u32 {
    // A remainder of a u32 is one.
    u32::try_from((guild >> 22) % u64::from(shards.get())).unwrap_or(0)
}

/// The claim of the connection that brings what is said in a channel. `None` where its server is no guild's id.
#[must_use]
pub fn connection(channel: &ChannelKey, shards: NonZeroU32) -> Option<String> {
    let guild = channel.server().parse().ok()?;
    Some(format!("connection:discord:shard/{}", shard(guild, shards)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shards(many: u32) -> NonZeroU32 {
        NonZeroU32::new(many).expect("there is at least one")
    }

    #[test]
    fn a_guild_has_the_shard_that_discord_documents() {
        // The example id of Discord's reference on snowflakes: 41944705796 milliseconds, worker 1, process 0, increment 7.
        let guild = 175_928_847_299_117_063;
        assert_eq!(guild >> 22, 41_944_705_796);
        assert_eq!([1, 2, 5, 10, 16].map(|many| shard(guild, shards(many))), [0, 0, 1, 6, 4]);
        assert_eq!((shard(0, shards(7)), shard((1 << 22) - 1, shards(7)), shard(1 << 22, shards(7))), (0, 0, 1));
        assert_eq!(shard(u64::MAX, shards(u32::MAX)), u32::try_from((u64::MAX >> 22) % u64::from(u32::MAX)).expect("a remainder"));
    }

    #[test]
    fn all_channels_of_a_server_come_through_one_connection_and_what_is_no_server_through_none() {
        let of = |server: &str, channel: &str| connection(&ChannelKey::new("discord", server, channel), shards(10));
        assert_eq!(of("175928847299117063", "1").as_deref(), Some("connection:discord:shard/6"));
        assert_eq!(of("175928847299117063", "2"), of("175928847299117063", "1"));
        for server in ["", "ducks", "-1", "99999999999999999999999"] {
            assert_eq!(of(server, "1"), None, "{server}");
        }
    }
}
