//! The inventory of home's industrial equipment as a file: CSV, or NDJSON if it is named so.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::directory::Aside;
use super::record::ETHERNET;
use super::{CaptureRecord, CountRecord, EventRecord, ReportError, RunRecord, Sink, Time};
use crate::conclude::Asset;

/// One service of one home host, as it is written.
#[derive(Debug, Serialize)]
struct AssetRecord<'a> {
    record: &'static str,
    address: String,
    transport: &'static str,
    port: u16,
    protocol: &'static str,
    sector: &'a str,
    guess: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<&'a str>,
    disclosed: &'a BTreeMap<&'static str, String>,
    first_seen: Time,
    last_seen: Time,
    /// Contacts that it answered.
    contacts: u64,
    /// Of these, from home.
    internal: u64,
    /// Of these, from abroad, by country.
    countries: BTreeMap<&'static str, u64>,
}

impl<'a> AssetRecord<'a> {
    fn new(asset: &'a Asset) -> Self {
        AssetRecord {
            record: "asset",
            // A station without IP is known by its MAC address.
            address: asset.addr.mac().filter(|_| asset.transport == ETHERNET).unwrap_or_else(|| asset.addr.to_string()),
            transport: asset.transport,
            port: asset.port,
            protocol: asset.protocol,
            sector: &asset.sector,
            guess: asset.guess,
            site: asset.site.as_deref(),
            disclosed: &asset.disclosed,
            first_seen: Time(asset.first_ns),
            last_seen: Time(asset.last_ns),
            contacts: asset.contacts,
            internal: asset.internal,
            countries: asset.countries.iter().map(|(country, count)| (country.code(), *count)).collect(),
        }
    }
}

/// The columns of the CSV. What a device told of itself is one column of `field=text`, the countries one of `CC=contacts`, each with `; `
/// between its parts.
const COLUMNS: [&str; 13] = [
    "address",
    "transport",
    "port",
    "protocol",
    "sector",
    "guess",
    "site",
    "disclosed",
    "first_seen",
    "last_seen",
    "contacts",
    "internal",
    "countries",
];

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("; ")
}

enum Out {
    Csv(Box<csv::Writer<Aside>>),
    Ndjson(Aside),
}

/// Writes the inventory, and leaves all other records.
pub struct AssetFile(Option<Out>);

impl AssetFile {
    /// NDJSON if the name ends in `.ndjson` or `.json`, else CSV.
    ///
    /// # Errors
    /// A file that cannot be made.
    pub fn create(path: &Path) -> Result<Self, ReportError> {
        let file = Aside::create(path.into())?;
        if path.extension().is_some_and(|ending| ending == "ndjson" || ending == "json") {
            return Ok(AssetFile(Some(Out::Ndjson(file))));
        }
        let error = file.error();
        let mut out = csv::Writer::from_writer(file);
        out.write_record(COLUMNS).map_err(|cause| error(cause.into()))?;
        Ok(AssetFile(Some(Out::Csv(Box::new(out)))))
    }
}

impl Sink for AssetFile {
    fn run(&mut self, record: &RunRecord) -> Result<(), ReportError> {
        match &mut self.0 {
            Some(Out::Ndjson(file)) => file.line(record),
            _ => Ok(()),
        }
    }

    fn event(&mut self, _: &EventRecord<'_>) -> Result<(), ReportError> {
        Ok(())
    }

    fn count(&mut self, _: &CountRecord<'_>) -> Result<(), ReportError> {
        Ok(())
    }

    fn capture(&mut self, _: &CaptureRecord<'_>) -> Result<(), ReportError> {
        Ok(())
    }

    fn asset(&mut self, asset: &Asset) -> Result<(), ReportError> {
        let record = AssetRecord::new(asset);
        match &mut self.0 {
            Some(Out::Ndjson(file)) => file.line(&record),
            Some(Out::Csv(out)) => {
                let error = out.get_ref().error();
                let row: [String; COLUMNS.len()] = [
                    record.address,
                    record.transport.into(),
                    record.port.to_string(),
                    record.protocol.into(),
                    record.sector.into(),
                    record.guess.to_string(),
                    record.site.unwrap_or_default().into(),
                    joined(record.disclosed.iter().map(|(field, text)| format!("{field}={text}"))),
                    record.first_seen.to_string(),
                    record.last_seen.to_string(),
                    record.contacts.to_string(),
                    record.internal.to_string(),
                    joined(record.countries.iter().map(|(country, count)| format!("{country}={count}"))),
                ];
                out.write_record(&row).map_err(|cause| error(cause.into()))
            }
            None => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        match self.0.take() {
            Some(Out::Ndjson(file)) => file.keep(),
            Some(Out::Csv(out)) => {
                let error = out.get_ref().error();
                out.into_inner().map_err(|cause| error(cause.into_error()))?.keep()
            }
            None => Ok(()),
        }
    }
}
