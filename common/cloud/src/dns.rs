//! Questions to DNS servers: one question and its answer, over UDP, and over TCP where UDP is too small.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use facts::dns::Answer;
use facts::{Gap, GapKind};
use hickory_proto::op::{Message, Query, ResponseCode};
pub(crate) use hickory_proto::rr::RecordType;
use hickory_proto::rr::{Name, RData, Record};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::clouds::Cloud;

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a server is asked over UDP.
const ATTEMPTS: usize = 2;
/// How many of the system's servers are asked, as resolvers do.
const MAX_SERVERS: usize = 3;
/// Where a Unix system names its servers.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// How this machine asks DNS.
#[derive(Debug, Clone)]
pub(crate) struct Dns {
    resolvers: Vec<SocketAddr>,
    /// The port of authoritative servers.
    port: u16,
}

impl Dns {
    /// The cloud's own server if it names one, else the system's.
    ///
    /// # Errors
    /// A gap when there is no server to ask.
    pub fn new(cloud: &Cloud) -> Result<Self, Gap> {
        if let Some(server) = cloud.dns_server {
            return Ok(Self { resolvers: vec![server], port: server.port() });
        }
        let text = std::fs::read_to_string(RESOLV_CONF).unwrap_or_default();
        let resolvers = nameservers(&text);
        if resolvers.is_empty() {
            let why = format!("{RESOLV_CONF} names no DNS server to ask");
            return Err(Gap::new(GapKind::Unreachable, why));
        }
        Ok(Self { resolvers, port: 53 })
    }

    /// What the resolver says.
    ///
    /// # Errors
    /// A gap when none of them answers.
    pub async fn resolve(&self, name: &str, kind: RecordType) -> Result<Answer, Gap> {
        let mut failure = None;
        for server in self.resolvers.iter().take(MAX_SERVERS) {
            match ask(*server, name, kind, true).await {
                Ok(message) => return Ok(answer(&server.ip().to_string(), &message, name, kind)),
                Err(why) => failure = Some(format!("{}: {why}", server.ip())),
            }
        }
        let why = format!("no DNS server answers for {name}: {}", failure.unwrap_or_default());
        Err(Gap::new(GapKind::Unreachable, why))
    }

    /// What one of the servers of a zone says, without recursion.
    ///
    /// # Errors
    /// A gap when none of them is found or answers.
    pub async fn ask_one_of(&self, servers: &[String], name: &str, kind: RecordType) -> Result<Answer, Gap> {
        let mut failure = "the zone has no name servers".to_owned();
        for server in servers.iter().take(2) {
            let found = self.resolve(server, RecordType::A).await?;
            let Some(address) = found.values.iter().find_map(|value| value.parse::<IpAddr>().ok()) else {
                failure = format!("name server {server} has no address ({})", found.code);
                continue;
            };
            match ask(SocketAddr::new(address, self.port), name, kind, false).await {
                Ok(message) => return Ok(answer(server, &message, name, kind)),
                Err(why) => failure = format!("{server} ({address}): {why}"),
            }
        }
        Err(Gap::new(GapKind::Unreachable, format!("no name server of the zone answers for {name}: {failure}")))
    }

    /// The zone that holds or encloses `name`, and its servers, as the resolver knows them.
    ///
    /// # Errors
    /// A gap when the resolver does not answer, or knows of no such zone.
    pub async fn zone_of(&self, name: &str) -> Result<(String, Vec<String>), Gap> {
        for zone in enclosing(name) {
            let found = self.resolve(zone, RecordType::NS).await?;
            if !found.values.is_empty() {
                return Ok((zone.to_owned(), found.values));
            }
        }
        Err(Gap::new(GapKind::Unreachable, format!("the resolver knows no zone that encloses {name}")))
    }
}

/// A domain and those above it, without the root.
fn enclosing(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, rest)| rest))
}

/// A name as it is compared: in lower case, without a dot at its end.
pub(crate) fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn nameservers(text: &str) -> Vec<SocketAddr> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            let address = (words.next()? == "nameserver").then(|| words.next())??;
            // A scope (`fe80::1%eth0`) is beyond what can be parsed here.
            Some(SocketAddr::new(address.parse().ok()?, 53))
        })
        .collect()
}

/// Asks one server, more than once if need be.
async fn ask(server: SocketAddr, name: &str, kind: RecordType, recurse: bool) -> Result<Message, String> {
    let mut query = Message::query();
    query.metadata.recursion_desired = recurse;
    let name = Name::from_ascii(format!("{}.", plain(name))).map_err(|error| error.to_string())?;
    query.add_query(Query::query(name, kind));
    let wire = query.to_vec().map_err(|error| error.to_string())?;
    let mut failure = String::new();
    for _ in 0..ATTEMPTS {
        match timeout(PATIENCE, over_udp(server, &query, &wire)).await {
            Ok(Ok(answer)) if answer.metadata.truncation => {
                return match timeout(PATIENCE, over_tcp(server, &query, &wire)).await {
                    Ok(answer) => answer.map_err(|error| error.to_string()),
                    Err(_) => Err("no answer over TCP in time".to_owned()),
                };
            }
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => failure = error.to_string(),
            Err(_) => failure = format!("no answer within {} s", PATIENCE.as_secs()),
        }
    }
    Err(failure)
}

async fn over_udp(server: SocketAddr, query: &Message, wire: &[u8]) -> std::io::Result<Message> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(wire).await?;
    let mut buffer = [0; 4_096];
    loop {
        let length = socket.recv(&mut buffer).await?;
        // What belongs to another question, or is no message, may be somebody else's; the true answer can still come.
        match Message::from_vec(&buffer[..length]) {
            Ok(answer) if belongs(&answer, query) => return Ok(answer),
            _ => {}
        }
    }
}

async fn over_tcp(server: SocketAddr, query: &Message, wire: &[u8]) -> std::io::Result<Message> {
    let broken = |why: &'static str| std::io::Error::new(std::io::ErrorKind::InvalidData, why);
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(wire.len()).map_err(|_| broken("the question is too long"))?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(wire).await?;
    let length = stream.read_u16().await?;
    let mut buffer = vec![0; usize::from(length)];
    stream.read_exact(&mut buffer).await?;
    match Message::from_vec(&buffer) {
        Ok(answer) if belongs(&answer, query) => Ok(answer),
        _ => Err(broken("an answer that cannot be understood")),
    }
}

fn belongs(answer: &Message, query: &Message) -> bool {
    answer.metadata.id == query.metadata.id
        && answer.metadata.message_type == hickory_proto::op::MessageType::Response
        && answer.queries.first().zip(query.queries.first()).is_some_and(|(a, b)| a.name == b.name)
}

fn answer(server: &str, message: &Message, name: &str, kind: RecordType) -> Answer {
    let owner = plain(name);
    let mut values = BTreeSet::new();
    let mut aliases = Vec::new();
    for record in &message.answers {
        match &record.data {
            RData::CNAME(target) => aliases.push(plain(&target.0.to_ascii())),
            _ if record.record_type() == kind => values.extend(value(record)),
            _ => {}
        }
    }
    let is_ns = |record: &&Record| record.record_type() == RecordType::NS;
    let soa = message.authorities.iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(record.ttl.min(soa.minimum)),
        _ => None,
    });
    let mut code = code(message.metadata.response_code);
    if values.is_empty() && aliases.is_empty() && soa.is_none() && message.authorities.iter().any(|r| is_ns(&r)) {
        // A server of the zone above names those that know.
        let named = message.authorities.iter().filter(is_ns).filter(|record| plain(&record.name.to_ascii()) == owner);
        if kind == RecordType::NS {
            values.extend(named.filter_map(value));
        }
        if values.is_empty() {
            code = "REFERRAL".to_owned();
        }
    }
    Answer { server: plain(server), code, values: values.into_iter().collect(), aliases, negative_ttl: soa }
}

fn value(record: &Record) -> Option<String> {
    match &record.data {
        RData::A(address) => Some(address.0.to_string()),
        RData::AAAA(address) => Some(address.0.to_string()),
        RData::NS(server) => Some(plain(&server.0.to_ascii())),
        _ => None,
    }
}

fn code(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        other => format!("{other:?}").to_ascii_uppercase(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use hickory_proto::rr::rdata;

    use super::*;

    fn reply(wire: &[u8], shape: impl FnOnce(&mut Message)) -> Vec<u8> {
        let query = Message::from_vec(wire).unwrap();
        let mut message = Message::response(query.metadata.id, query.metadata.op_code);
        message.add_query(query.queries[0].clone());
        shape(&mut message);
        message.to_vec().unwrap()
    }

    /// A server on loopback that answers over UDP with `udp` and over TCP with one address.
    async fn server(udp: impl Fn(&[u8], usize) -> Vec<u8> + Send + 'static) -> Dns {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            for turn in 0.. {
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                socket.send_to(&udp(&buffer[..length], turn), from).await.unwrap();
            }
        });
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let length = stream.read_u16().await.unwrap();
                let mut wire = vec![0; usize::from(length)];
                stream.read_exact(&mut wire).await.unwrap();
                let wire = reply(&wire, |message| {
                    let name = message.queries[0].name.clone();
                    message.add_answer(Record::from_rdata(name, 60, RData::A(rdata::A::new(20, 1, 2, 3))));
                });
                stream.write_u16(u16::try_from(wire.len()).unwrap()).await.unwrap();
                stream.write_all(&wire).await.unwrap();
            }
        });
        Dns { resolvers: vec![address], port: address.port() }
    }

    #[tokio::test]
    async fn a_truncated_answer_is_asked_for_over_tcp() {
        let dns = server(|wire, _| reply(wire, |message| message.metadata.truncation = true)).await;
        let answer = dns.resolve("API.example.com.", RecordType::A).await.unwrap();
        assert_eq!((answer.code.as_str(), answer.values), ("NOERROR", vec!["20.1.2.3".to_owned()]));
    }

    #[tokio::test]
    async fn answers_to_other_questions_are_passed_over() {
        // The first datagram is no message; the second attempt gets the answer.
        let dns = server(|wire, turn| match turn {
            0 => b"nonsense".to_vec(),
            _ => reply(wire, |message| message.metadata.response_code = ResponseCode::Refused),
        })
        .await;
        let answer = dns.resolve("api.example.com", RecordType::A).await.unwrap();
        assert!(answer.is_failure() && answer.code == "REFUSED");
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_tells_for_how_long() {
        let dns = server(|wire, _| {
            reply(wire, |message| {
                message.metadata.response_code = ResponseCode::NXDomain;
                let zone = Name::from_ascii("example.com.").unwrap();
                let soa = rdata::SOA::new(zone.clone(), zone.clone(), 1, 2, 3, 4, 300);
                message.add_authority(Record::from_rdata(zone, 42, RData::SOA(soa)));
            })
        })
        .await;
        let answer = dns.resolve("api.example.com", RecordType::A).await.unwrap();
        assert!(answer.is_negative());
        assert_eq!(answer.negative_ttl, Some(42));
    }

    #[tokio::test]
    async fn a_referral_names_servers_and_is_no_negative_answer() {
        let dns = server(|wire, _| {
            reply(wire, |message| {
                let ns = rdata::NS(Name::from_ascii("NS1.azure-dns.com.").unwrap());
                let zone = Name::from_ascii("hcp.example.com.").unwrap();
                message.add_authority(Record::from_rdata(zone, 60, RData::NS(ns)));
            })
        })
        .await;
        let answer = dns.resolve("hcp.example.com", RecordType::NS).await.unwrap();
        assert_eq!((answer.code.as_str(), answer.values), ("NOERROR", vec!["ns1.azure-dns.com".to_owned()]));
        let answer = dns.resolve("api.hcp.example.com", RecordType::A).await.unwrap();
        assert!(answer.is_failure() && !answer.is_negative(), "{answer:?}");
    }

    #[tokio::test]
    async fn silence_is_unreachable() {
        // A port that nobody listens on: loopback says so at once.
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        drop(socket);
        let dns = Dns { resolvers: vec![address], port: address.port() };
        let gap = dns.resolve("api.example.com", RecordType::A).await.unwrap_err();
        assert_eq!(gap.kind, GapKind::Unreachable);
        assert!(gap.why.contains("127.0.0.1"), "{}", gap.why);
    }

    #[test]
    fn the_systems_servers() {
        let text = "# no\nsearch a b\nnameserver 10.0.0.2\nnameserver ::1\nnameserver nonsense\nnameserver\n";
        assert_eq!(nameservers(text), ["10.0.0.2:53".parse().unwrap(), "[::1]:53".parse().unwrap()]);
        assert_eq!(enclosing("a.b.c").collect::<Vec<_>>(), ["a.b.c", "b.c", "c"]);
    }
}
