//! A small DNS server on loopback that serves the zones of the simulator.
//!
//! Three addresses of one port play three parts: a recursive resolver, Azure's name servers, and the servers of the domain
//! above the zones. Only Linux has all of `127.0.0.0/8` on loopback without further ado.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, NS, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use serde_json::Value;

use crate::Error;

const RESOLVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
const AZURE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const PARENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
/// The name of the servers of every domain above a zone.
const REGISTRAR: &str = "ns1.registrar.test";
/// How long a resolver keeps it that there is no such name.
pub const NEGATIVE_TTL: u32 = 300;

/// What is served.
#[derive(Debug, Clone, Default)]
struct Served {
    zones: BTreeMap<String, Zone>,
    delegations: BTreeMap<String, Vec<String>>,
    remembered: BTreeSet<String>,
}

#[derive(Debug, Clone, Default)]
struct Zone {
    servers: Vec<String>,
    /// Values by name and type.
    records: BTreeMap<(String, RecordType), Vec<String>>,
}

/// A DNS server; its threads end with the test process.
#[derive(Debug, Clone)]
pub struct DnsServer {
    address: SocketAddr,
    served: Arc<Mutex<Served>>,
}

impl DnsServer {
    /// Starts a server that knows no zones yet.
    ///
    /// # Errors
    /// [`Error::Io`] when no port is free on all three addresses.
    pub fn start() -> Result<Self, Error> {
        let served: Arc<Mutex<Served>> = Arc::default();
        let mut attempts = 20;
        let (port, sockets) = loop {
            attempts -= 1;
            match bind() {
                Ok(bound) => break bound,
                Err(error) if attempts == 0 => return Err(Error::io("a DNS server on loopback")(error)),
                Err(_) => {}
            }
        };
        for (part, udp, tcp) in sockets {
            let (of_udp, of_tcp) = (Arc::clone(&served), Arc::clone(&served));
            std::thread::spawn(move || {
                let mut buffer = [0; 1_024];
                while let Ok((length, from)) = udp.recv_from(&mut buffer) {
                    if let Some(answer) = reply(&of_udp, part, &buffer[..length]) {
                        let _ = udp.send_to(&answer, from);
                    }
                }
            });
            std::thread::spawn(move || {
                while let Ok((mut stream, _)) = tcp.accept() {
                    let mut length = [0; 2];
                    let mut question = Vec::new();
                    if stream.read_exact(&mut length).is_ok() {
                        question.resize(usize::from(u16::from_be_bytes(length)), 0);
                    }
                    if stream.read_exact(&mut question).is_ok()
                        && let Some(answer) = reply(&of_tcp, part, &question)
                        && let Ok(length) = u16::try_from(answer.len())
                    {
                        let _ = stream.write_all(&length.to_be_bytes()).and_then(|()| stream.write_all(&answer));
                    }
                }
            });
        }
        Ok(Self { address: SocketAddr::new(RESOLVER.into(), port), served })
    }

    /// The address of its resolver, as `dnsServer` of an environment file takes it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves the public zones of a state of the simulator, and none besides.
    pub fn serve(&self, state: &Value) {
        let resources = state["resources"].as_array().map_or(&[][..], Vec::as_slice);
        let of = |resource: &Value| resource["id"].as_str().map(str::to_ascii_lowercase).unwrap_or_default();
        let mut zones: BTreeMap<String, Zone> = BTreeMap::new();
        for resource in resources {
            let id = of(resource);
            let Some((_, below)) = id.split_once("/dnszones/") else { continue };
            let mut names = below.split('/');
            let name = names.next().unwrap_or_default().to_owned();
            let zone = zones.entry(name.clone()).or_default();
            let (Some(kind), Some(label)) = (names.next(), names.next()) else {
                let servers = resource["properties"]["nameServers"].as_array().cloned().unwrap_or_default();
                zone.servers = servers.iter().filter_map(Value::as_str).map(plain).collect();
                continue;
            };
            let full = if label == "@" { name.clone() } else { format!("{label}.{name}") };
            let properties = &resource["properties"];
            let (kind, values): (_, Vec<String>) = match kind {
                "a" => (RecordType::A, texts(&properties["ARecords"], |record| record["ipv4Address"].as_str())),
                "txt" => (RecordType::TXT, texts(&properties["TXTRecords"], |record| record["value"][0].as_str())),
                _ => continue,
            };
            zone.records.insert((full, kind), values);
        }
        self.lock().zones = zones;
    }

    /// Lets the domain above delegate a zone to these servers, or not at all.
    pub fn delegate(&self, zone: &str, servers: &[&str]) {
        self.lock().delegations.insert(plain(zone), servers.iter().map(|server| plain(server)).collect());
    }

    /// Lets the resolver remember that there is no such name.
    pub fn remember_none(&self, name: &str) {
        self.lock().remembered.insert(plain(name));
    }

    /// Takes back what [`DnsServer::delegate`] and [`DnsServer::remember_none`] did.
    pub fn heal(&self) {
        let mut served = self.lock();
        served.delegations.clear();
        served.remembered.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Served> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Bound = Vec<(Ipv4Addr, UdpSocket, TcpListener)>;

fn bind() -> std::io::Result<(u16, Bound)> {
    let first = TcpListener::bind((RESOLVER, 0))?;
    let port = first.local_addr()?.port();
    let mut bound = vec![(RESOLVER, UdpSocket::bind((RESOLVER, port))?, first)];
    for part in [AZURE, PARENT] {
        bound.push((part, UdpSocket::bind((part, port))?, TcpListener::bind((part, port))?));
    }
    Ok((port, bound))
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn texts<'a>(list: &'a Value, of: impl Fn(&'a Value) -> Option<&'a str>) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(of).map(str::to_owned).collect()
}

fn encloses(zone: &str, name: &str) -> bool {
    name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

fn reply(served: &Mutex<Served>, part: Ipv4Addr, wire: &[u8]) -> Option<Vec<u8>> {
    let question = Message::from_vec(wire).ok()?;
    let query = question.queries.first()?.clone();
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    answer.metadata.recursion_desired = question.metadata.recursion_desired;
    let (name, kind) = (plain(&query.name.to_ascii()), query.query_type);
    answer.add_query(query);
    let served = served.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match part {
        RESOLVER => served.resolve(&mut answer, &name, kind),
        AZURE => served.answer(&mut answer, &name, kind),
        _ => served.refer(&mut answer, &name),
    }
    answer.to_vec().ok()
}

impl Served {
    fn zone_of(&self, name: &str) -> Option<(&String, &Zone)> {
        self.zones.iter().filter(|(zone, _)| encloses(zone, name)).max_by_key(|(zone, _)| zone.len())
    }

    fn servers<'a>(&'a self, zone: &str, of: &'a Zone) -> &'a [String] {
        self.delegations.get(zone).unwrap_or(&of.servers)
    }

    /// As a recursive resolver.
    fn resolve(&self, answer: &mut Message, name: &str, kind: RecordType) {
        if kind == RecordType::A && name == REGISTRAR {
            return add(answer, name, RData::A(A(PARENT)));
        }
        if kind == RecordType::A && name.contains(".azure-dns.") {
            return add(answer, name, RData::A(A(AZURE)));
        }
        if self.remembered.contains(name) {
            return none(answer, name, ResponseCode::NXDomain);
        }
        if let Some((zone, of)) = self.zone_of(name) {
            let servers = self.servers(zone, of);
            if servers.is_empty() {
                return none(answer, zone, ResponseCode::NXDomain);
            }
            if servers.iter().any(|server| !of.servers.contains(server)) {
                answer.metadata.response_code = ResponseCode::ServFail;
                return;
            }
            return self.answer(answer, name, kind);
        }
        let above = self.zones.keys().any(|zone| encloses(name, zone)) && name.contains('.');
        match (above, kind) {
            (true, RecordType::NS) => add(answer, name, RData::NS(NS(parsed(REGISTRAR)))),
            (true, _) => none(answer, name, ResponseCode::NoError),
            (false, _) => none(answer, name, ResponseCode::NXDomain),
        }
    }

    /// As the name servers of Azure.
    fn answer(&self, answer: &mut Message, name: &str, kind: RecordType) {
        let Some((zone, of)) = self.zone_of(name) else {
            answer.metadata.response_code = ResponseCode::Refused;
            return;
        };
        answer.metadata.authoritative = true;
        if kind == RecordType::NS && name == zone {
            of.servers.iter().for_each(|server| add(answer, name, RData::NS(NS(parsed(server)))));
            return;
        }
        let wildcard = name.split_once('.').map(|(_, above)| format!("*.{above}")).unwrap_or_default();
        let of_kind = |name: &str| of.records.get(&(name.to_owned(), kind));
        if let Some(values) = of_kind(name).or_else(|| of_kind(&wildcard)) {
            for value in values {
                match (kind, value.parse()) {
                    (RecordType::A, Ok(address)) => add(answer, name, RData::A(A(address))),
                    (RecordType::TXT, _) => add(answer, name, RData::TXT(TXT::new(vec![value.clone()]))),
                    _ => {}
                }
            }
            return;
        }
        let exists = name == zone || of.records.keys().any(|(own, _)| own == name);
        none(answer, zone, if exists { ResponseCode::NoError } else { ResponseCode::NXDomain });
    }

    /// As the servers of the domain above, which only know who is to be asked.
    fn refer(&self, answer: &mut Message, name: &str) {
        let servers = self.zone_of(name).map(|(zone, of)| (zone, self.servers(zone, of)));
        match servers {
            Some((zone, servers)) if !servers.is_empty() => {
                for server in servers {
                    answer.add_authority(Record::from_rdata(parsed(zone), 3_600, RData::NS(NS(parsed(server)))));
                }
            }
            _ => none(answer, name, ResponseCode::NXDomain),
        }
    }
}

fn parsed(name: &str) -> Name {
    Name::from_ascii(format!("{}.", plain(name))).unwrap_or_default()
}

fn add(answer: &mut Message, name: &str, data: RData) {
    answer.add_answer(Record::from_rdata(parsed(name), 60, data));
}

fn none(answer: &mut Message, zone: &str, code: ResponseCode) {
    answer.metadata.response_code = code;
    let soa = SOA::new(
        parsed("ns1-01.azure-dns.com"),
        parsed("azuredns-hostmaster.microsoft.com"),
        1,
        3_600,
        300,
        2_419_200,
        NEGATIVE_TTL,
    );
    answer.add_authority(Record::from_rdata(parsed(zone), NEGATIVE_TTL, RData::SOA(soa)));
}
