//! A TCP proxy on loopback that makes the faults of a bad network, by its seed alone.
//!
//! Both sides of a connection are plain threads, so the proxy works the same under any runtime.

mod pump;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use velo_core::Result;

/// What the proxy does to connections, from the moment it is set.
///
/// ```
/// use velo_testkit::proxy::Fault;
/// assert_ne!(Fault::None, Fault::BlackHole);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Bytes pass as they are.
    None,
    /// New connections are reset at once; those that are open go on.
    Refuse,
    /// Connections are accepted and stay open; no byte passes in either direction.
    BlackHole,
    /// Every piece waits so long, give or take the jitter.
    Delay {
        /// The middle of the waits.
        latency: Duration,
        /// The farthest from it.
        jitter: Duration,
    },
    /// So many bytes pass in a second, in each direction.
    Bandwidth(u64),
    /// Every byte is a segment of its own.
    Slice,
    /// The client sees the end of the stream after so many bytes from the server, and the server a
    /// reset.
    CutAfter(u64),
    /// One bit of every so many bytes from the server is turned over.
    FlipEvery(u64),
    /// The k-th answer is dropped, from 1 on, and then both sides are reset: the server has done
    /// what it was asked to, and the client does not learn of it. An answer is what the server
    /// sends between two things that the client sends.
    SwallowAnswer(u64),
}

/// A proxy in front of one server; it ends when it is dropped.
///
/// ```
/// use std::io::{Read, Write};
/// use velo_testkit::proxy::{Fault, Proxy};
/// let server = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let proxy = Proxy::start(server.local_addr()?, 7)?;
/// let mut client = std::net::TcpStream::connect(proxy.address())?;
/// client.write_all(b"hello")?;
/// let mut arrived = [0; 5];
/// server.accept()?.0.read_exact(&mut arrived)?;
/// assert_eq!(&arrived, b"hello");
/// proxy.set(Fault::BlackHole);
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    seed: u64,
    fault: Mutex<Fault>,
    /// Rises with every fault that is set, so that its counts begin anew.
    setting: AtomicU64,
    answers: AtomicU64,
    accepted: AtomicU64,
    ended: AtomicBool,
    open: Mutex<Vec<(TcpStream, TcpStream)>>,
}

impl Proxy {
    /// Listens on a free port of loopback and passes connections on to the target.
    ///
    /// # Errors
    /// `Io` and its kin when no port can be had.
    ///
    /// ```
    /// let proxy = velo_testkit::proxy::Proxy::start("127.0.0.1:1".parse().unwrap(), 1)?;
    /// assert!(proxy.address().ip().is_loopback());
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn start(target: SocketAddr, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target,
            seed,
            fault: Mutex::new(Fault::None),
            setting: AtomicU64::new(0),
            answers: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            open: Mutex::new(Vec::new()),
        });
        let ours = Arc::clone(&shared);
        let acceptor = std::thread::spawn(move || accept(&listener, &ours));
        Ok(Self {
            address,
            shared,
            acceptor: Some(acceptor),
        })
    }

    /// Where clients connect to.
    ///
    /// ```
    /// let proxy = velo_testkit::proxy::Proxy::start("127.0.0.1:1".parse().unwrap(), 1)?;
    /// assert_ne!(proxy.address().port(), 0);
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the fault for all connections, open ones too; what it counts begins at 0.
    ///
    /// ```
    /// use velo_testkit::proxy::{Fault, Proxy};
    /// let proxy = Proxy::start("127.0.0.1:1".parse().unwrap(), 1)?;
    /// proxy.set(Fault::Slice);
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn set(&self, fault: Fault) {
        let mut current = locked(&self.shared.fault);
        *current = fault;
        self.shared.answers.store(0, Ordering::SeqCst);
        self.shared.setting.fetch_add(1, Ordering::SeqCst);
    }

    /// Resets every open connection, on both sides, with RST instead of FIN.
    ///
    /// ```
    /// let proxy = velo_testkit::proxy::Proxy::start("127.0.0.1:1".parse().unwrap(), 1)?;
    /// proxy.reset();
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn reset(&self) {
        for (client, server) in locked(&self.shared.open).drain(..) {
            reset(&client);
            reset(&server);
        }
    }

    /// How many connections were accepted, to see how often a client tries.
    ///
    /// ```
    /// let proxy = velo_testkit::proxy::Proxy::start("127.0.0.1:1".parse().unwrap(), 1)?;
    /// assert_eq!(proxy.accepted(), 0);
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which looks at the flag.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        self.reset();
    }
}

impl Shared {
    fn fault(&self) -> (Fault, u64) {
        let fault = locked(&self.fault);
        (*fault, self.setting.load(Ordering::SeqCst))
    }

    fn ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.ended() {
            return;
        }
        let Ok(client) = client else { continue };
        let connection = shared.accepted.fetch_add(1, Ordering::SeqCst);
        let refused = shared.fault().0 == Fault::Refuse;
        let server = TcpStream::connect(shared.target).ok().filter(|_| !refused);
        let started = match server {
            Some(server) => start(shared, connection, &client, &server),
            None => None,
        };
        if started.is_none() {
            reset(&client);
        }
    }
}

/// Starts a thread for each direction; `None` when a socket gave out already.
fn start(
    shared: &Arc<Shared>,
    connection: u64,
    client: &TcpStream,
    server: &TcpStream,
) -> Option<()> {
    // Pieces go out as they are made.
    client.set_nodelay(true).ok()?;
    server.set_nodelay(true).ok()?;
    let open = (client.try_clone().ok()?, server.try_clone().ok()?);
    locked(&shared.open).push(open);
    let asked = Arc::new(AtomicBool::new(false));
    for (direction, from, to) in [
        (pump::Direction::ToServer, client, server),
        (pump::Direction::ToClient, server, client),
    ] {
        let pump = pump::Pump::new(
            Arc::clone(shared),
            direction,
            (connection, Arc::clone(&asked)),
            (from.try_clone().ok()?, to.try_clone().ok()?),
        );
        std::thread::spawn(move || pump.run());
    }
    Some(())
}

/// Ends a connection with RST: what is under way is thrown away, and reads and writes on both
/// sides fail.
///
/// Closing with a linger of nought does the same, but only with the last clone in all threads;
/// connecting to nothing does it at once.
fn reset(stream: &TcpStream) {
    // It may have ended by itself meanwhile.
    let _ = rustix::net::connect_unspec(stream);
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::time::Instant;

    use super::*;

    /// A server that sends back what it gets, and counts it.
    fn echo() -> (SocketAddr, Arc<AtomicU64>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicU64::new(0)));
        let ours = Arc::clone(&count);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, count) = (stream.unwrap(), Arc::clone(&ours));
                std::thread::spawn(move || {
                    let mut buffer = [0; 4096];
                    while let Ok(read @ 1..) = stream.read(&mut buffer) {
                        count.fetch_add(read as u64, Ordering::SeqCst);
                        if stream.write_all(&buffer[..read]).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        (address, count)
    }

    fn start(fault: Fault) -> (Proxy, TcpStream, Arc<AtomicU64>) {
        let (address, count) = echo();
        let proxy = Proxy::start(address, 7).unwrap();
        proxy.set(fault);
        let client = TcpStream::connect(proxy.address()).unwrap();
        let patience = Some(Duration::from_secs(20));
        client.set_read_timeout(patience).unwrap();
        (proxy, client, count)
    }

    /// Sends bytes, takes as many back, and says how long that took.
    fn round(client: &mut TcpStream, bytes: &[u8]) -> std::io::Result<(Vec<u8>, Duration)> {
        let started = Instant::now();
        client.write_all(bytes)?;
        let mut back = vec![0; bytes.len()];
        client.read_exact(&mut back)?;
        Ok((back, started.elapsed()))
    }

    fn is_reset(error: &std::io::Error) -> bool {
        matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted
        )
    }

    #[test]
    fn passes_bytes_whole_or_in_slices() {
        let bytes: Vec<u8> = (0..=255).cycle().take(50_000).collect();
        for (fault, size) in [(Fault::None, 50_000), (Fault::Slice, 600)] {
            let (_proxy, mut client, count) = start(fault);
            let (back, _) = round(&mut client, &bytes[..size]).unwrap();
            assert!(back == bytes[..size], "{fault:?}");
            assert_eq!(count.load(Ordering::SeqCst), size as u64);
        }
    }

    #[test]
    fn resets_open_connections_and_refuses_new_ones() {
        let (proxy, mut client, _) = start(Fault::None);
        round(&mut client, b"hello").unwrap();
        proxy.reset();
        let error = client.read(&mut [0; 8]).unwrap_err();
        assert!(is_reset(&error), "{error}");
        let mut open = TcpStream::connect(proxy.address()).unwrap();
        round(&mut open, b"hello").unwrap();
        proxy.set(Fault::Refuse);
        let mut refused = TcpStream::connect(proxy.address()).unwrap();
        let error = round(&mut refused, b"hello").unwrap_err();
        assert!(is_reset(&error), "{error}");
        round(&mut open, b"still here").unwrap();
        assert_eq!(proxy.accepted(), 3);
    }

    #[test]
    fn a_black_hole_keeps_bytes_until_it_is_closed() {
        let (proxy, mut client, count) = start(Fault::BlackHole);
        client.write_all(b"hello").unwrap();
        client
            .set_read_timeout(Some(Duration::from_millis(60)))
            .unwrap();
        let error = client.read(&mut [0; 8]).unwrap_err();
        assert!(matches!(
            error.kind(),
            ErrorKind::WouldBlock | ErrorKind::TimedOut
        ));
        assert_eq!(count.load(Ordering::SeqCst), 0);
        proxy.set(Fault::None);
        client
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        client.read_exact(&mut [0; 5]).unwrap();
    }

    #[test]
    fn delays_and_slows_down() {
        let latency = Duration::from_millis(30);
        let (proxy, mut client, _) = start(Fault::Delay {
            latency,
            jitter: latency / 3,
        });
        // There and back, and never less than the latency without its jitter.
        assert!(round(&mut client, b"x").unwrap().1 >= latency * 4 / 3);
        proxy.set(Fault::Bandwidth(100_000));
        let took = round(&mut client, &[1; 10_000]).unwrap().1;
        assert!(took >= Duration::from_millis(80), "{took:?}");
    }

    #[test]
    fn cuts_the_answer_after_so_many_bytes() {
        let (_proxy, mut client, count) = start(Fault::CutAfter(1234));
        client.write_all(&[5; 3000]).unwrap();
        let mut back = Vec::new();
        let end = client.read_to_end(&mut back);
        assert!(end.is_ok() || is_reset(&end.unwrap_err()));
        assert_eq!(back.len(), 1234);
        assert!(count.load(Ordering::SeqCst) >= 1234);
    }

    #[test]
    fn flips_a_bit_every_so_many_bytes_the_same_for_the_same_seed() {
        let flipped = || {
            let (_proxy, mut client, _) = start(Fault::FlipEvery(1000));
            round(&mut client, &[0; 3500]).unwrap().0
        };
        let bytes = flipped();
        let wrong: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        assert_eq!(wrong, [999, 1999, 2999]);
        assert!(wrong.iter().all(|at| bytes[*at].count_ones() == 1));
        assert_eq!(bytes, flipped());
    }

    #[test]
    fn swallows_one_answer_after_the_server_has_acted() {
        let (proxy, mut client, count) = start(Fault::SwallowAnswer(3));
        for _ in 0..2 {
            round(&mut client, b"commit").unwrap();
        }
        let error = round(&mut client, b"commit").unwrap_err();
        assert!(is_reset(&error), "{error}");
        assert_eq!(count.load(Ordering::SeqCst), 18);
        // Only that one: a client that connects again gets on.
        let mut again = TcpStream::connect(proxy.address()).unwrap();
        round(&mut again, b"commit").unwrap();
    }
}
