//! A cable between a program and a server, which a test cuts: silent as a network that drops everything, or refusing as
//! a port where nobody listens, though both ends live.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use crate::{eventually_some, free_port};

/// How long the other end may take to be reached.
const REACH: Duration = Duration::from_secs(2);
/// How long the cable's own port may be held by what went before.
const REBIND: Duration = Duration::from_secs(10);

/// A TCP port that leads to another one, until it is cut.
pub struct Cable {
    address: SocketAddr,
    inside: Arc<Inside>,
}

struct Inside {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Where it leads to.
    target: SocketAddr,
    mode: Mode,
    /// Rises when everything that is connected is to be closed.
    cut: u64,
    open: Vec<TcpStream>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Whole,
    Silent,
    Refusing,
}

impl Cable {
    /// A whole cable to `target`.
    ///
    /// # Panics
    /// When the machine has no port left.
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).expect("a free port can be taken");
        let address = listener.local_addr().expect("a bound socket has an address");
        let state = Mutex::new(State { target, mode: Mode::Whole, cut: 0, open: Vec::new() });
        let inside = Arc::new(Inside { state, changed: Condvar::new() });
        inside.clone().listen(listener);
        Self { address, inside }
    }

    /// Where this end is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whoever connects from now on comes to another server, as to a service address that was moved.
    pub fn leads_to(&self, target: SocketAddr) {
        self.inside.lock().target = target;
    }

    /// From now on nothing arrives, in either direction, and nothing is refused. What is sent meanwhile arrives after
    /// [`Cable::mend`], as TCP would send it again.
    pub fn falls_silent(&self) {
        self.turn(Mode::Silent);
    }

    /// Closes what is connected and refuses what comes, as if nobody listened at the other end.
    pub fn refuses(&self) {
        if self.turn(Mode::Refusing) != Mode::Refusing {
            // Wakes the listener, which then ends.
            drop(TcpStream::connect_timeout(&self.address, REACH));
            eventually_some("the port refuses", REBIND, || TcpStream::connect_timeout(&self.address, REACH).is_err().then_some(()));
        }
    }

    /// Makes it whole again.
    ///
    /// # Panics
    /// When another program took its port meanwhile.
    pub fn mend(&self) {
        if self.turn(Mode::Whole) == Mode::Refusing {
            let listener = eventually_some("the cable's port is free", REBIND, || TcpListener::bind(self.address).ok());
            self.inside.clone().listen(listener);
        }
    }

    /// Gives what it was before.
    fn turn(&self, mode: Mode) -> Mode {
        let mut state = self.inside.lock();
        let before = std::mem::replace(&mut state.mode, mode);
        if mode == Mode::Refusing {
            state.cut += 1;
            for stream in state.open.drain(..) {
                // Its end may be closed already.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        self.inside.changed.notify_all();
        before
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.turn(Mode::Refusing);
        drop(TcpStream::connect_timeout(&self.address, REACH));
    }
}

impl Inside {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }

    fn listen(self: Arc<Self>, listener: TcpListener) {
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if self.lock().mode == Mode::Refusing {
                    return;
                }
                let inside = self.clone();
                thread::spawn(move || inside.connect(near));
            }
        });
    }

    fn connect(self: Arc<Self>, near: TcpStream) {
        let Some(cut) = self.passes(None) else { return };
        let target = self.lock().target;
        let Ok(far) = TcpStream::connect_timeout(&target, REACH) else { return };
        let (Ok(near_too), Ok(far_too)) = (near.try_clone(), far.try_clone()) else { return };
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        {
            let mut state = self.lock();
            if state.cut != cut {
                return;
            }
            state.open.retain(|stream| stream.peer_addr().is_ok());
            for stream in [&near, &far] {
                state.open.extend(stream.try_clone().ok());
            }
        }
        let back = self.clone();
        thread::spawn(move || back.carry(far_too, near_too, cut));
        self.carry(near, far, cut);
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream, cut: u64) {
        let mut bytes = [0; 16 * 1024];
        while let Ok(count) = from.read(&mut bytes) {
            // An end is told like anything else: only while the cable is whole.
            if self.passes(Some(cut)).is_none() || count == 0 || to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }

    /// Waits while the cable is silent; nothing when what was connected at this cut is no more.
    fn passes(&self, cut: Option<u64>) -> Option<u64> {
        let mut state = self.lock();
        while state.mode == Mode::Silent && cut.is_none_or(|cut| cut == state.cut) {
            state = self.changed.wait(state).expect("nobody panics with it");
        }
        (state.mode == Mode::Whole && cut.is_none_or(|cut| cut == state.cut)).then_some(state.cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eventually;

    /// Answers every byte with the same byte.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || {
                    let mut byte = [0];
                    while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
                });
            }
        });
        address
    }

    fn says(stream: &mut TcpStream, byte: u8) -> Option<u8> {
        let mut answer = [0];
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        stream.write_all(&[byte]).ok()?;
        stream.read_exact(&mut answer).ok()?;
        Some(answer[0])
    }

    #[test]
    fn a_silent_cable_delivers_late_and_a_refusing_one_never() {
        let cable = Cable::to(echo());
        let mut stream = TcpStream::connect(cable.address()).unwrap();
        assert_eq!(says(&mut stream, 1), Some(1));
        cable.falls_silent();
        assert_eq!(says(&mut stream, 2), None);
        let mut late = TcpStream::connect(cable.address()).unwrap();
        cable.mend();
        let mut answer = [0];
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [2]);
        eventually("whoever came meanwhile is let in", Duration::from_secs(5), || says(&mut late, 3) == Some(3));

        cable.refuses();
        assert_eq!(says(&mut stream, 4), None);
        assert!(TcpStream::connect(cable.address()).is_err());
        cable.mend();
        let mut anew = TcpStream::connect(cable.address()).unwrap();
        assert_eq!(says(&mut anew, 5), Some(5));
    }
}
