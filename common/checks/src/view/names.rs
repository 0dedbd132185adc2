//! DNS: zones, records, what resolves, ExternalDNS.
