//! Writes of several claims that are ready at the same moment: one transaction and one commit for all of them.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{Claim, Sql, Store, StoreError};
use crate::spawn;

/// The most that go together.
const MOST: usize = 256;

/// Where writes gather while those before them are written.
#[derive(Clone, Debug, Default)]
pub(super) struct Together(Arc<Mutex<Gathered>>);

#[derive(Debug, Default)]
struct Gathered {
    members: Vec<Member>,
    /// Somebody writes, and takes what has gathered next.
    writing: bool,
}

/// What one claim writes.
#[derive(Debug)]
struct Member {
    claim: Claim,
    writes: Vec<Sql>,
    reply: oneshot::Sender<Result<bool, StoreError>>,
}

impl Together {
    /// Writes rows under a claim, with what others write just now. `false`: nothing is written, it must go alone.
    pub(super) async fn write(&self, store: &Store, claim: &Claim, writes: Vec<Sql>) -> Result<bool, StoreError> {
        if !writes.iter().all(Sql::is_rows) {
            return Ok(false);
        }
        let (reply, written) = oneshot::channel();
        let leads = {
            let mut gathered = self.0.lock();
            gathered.members.push(Member { claim: claim.clone(), writes, reply });
            !std::mem::replace(&mut gathered.writing, true)
        };
        if leads {
            spawn::task("group of writes", Leader(self.clone()).leads(store.clone()));
        }
        written.await.unwrap_or_else(|_| Err(StoreError::Lost("the group was not written".into())))
    }

    /// What has gathered; when nothing has, the next one leads.
    fn take(&self) -> Vec<Member> {
        let mut gathered = self.0.lock();
        let many = gathered.members.len().min(MOST);
        gathered.writing = many > 0;
        gathered.members.drain(..many).collect()
    }
}

/// Writes one group after the other. However it ends, nobody waits for it in vain.
struct Leader(Together);

impl Leader {
    async fn leads(self, store: Store) {
        loop {
            let members = self.0.take();
            if members.is_empty() {
                return;
            }
            let written = write(&store, &members).await;
            for (at, member) in members.into_iter().enumerate() {
                let answer = match &written {
                    Ok(written) => Ok(written.get(at).copied().unwrap_or_default()),
                    Err(StoreError::Lost(why)) => Err(StoreError::Lost(why.clone())),
                    // It may be one that spoils it for all, and nothing of it stands.
                    Err(_) => Ok(false),
                };
                member.reply.send(answer).ok();
            }
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        let mut gathered = self.0.0.lock();
        // Nothing is left where it ended by itself, and another may lead by now.
        if std::thread::panicking() {
            *gathered = Gathered::default();
        }
    }
}

/// Writes the rows of those whose claims are held; says of each whether it was written.
async fn write(store: &Store, members: &[Member]) -> Result<Vec<bool>, StoreError> {
    let claims: Vec<_> = members.iter().map(|member| &member.claim).collect();
    let (mut tx, held) = store.begin_fenced_for(&claims).await?;
    let mut all: Vec<Sql> = Vec::new();
    for (member, _) in members.iter().zip(&held).filter(|(_, held)| **held) {
        for write in &member.writes {
            match all.iter_mut().find(|one| one.is_like(write)) {
                Some(one) => one.join(write),
                None => all.push(write.clone()),
            }
        }
    }
    // The same groups have the same text, whoever came first.
    all.sort_by(|one, other| one.text().cmp(other.text()));
    let rows: Vec<_> = all.iter().map(Sql::rows_bound).collect();
    if tx.run_all(all).await? != rows {
        // One of them is there already: whose it is finds out alone.
        return Ok(vec![false; members.len()]);
    }
    tx.into_inner().commit().await?;
    Ok(held)
}
