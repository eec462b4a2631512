//! What Neo-reGeorg makes of keys that anyone can know: that of its manual (`password`), that of its trials (`debug`), and words that many take.
//!
//! Each was made as `Rand` in the project's `neoreg.py` 5.2.0 makes it, from Python's generator seeded with the key. Those of `password` also stand
//! in public servers of others (dianwoshishi/neo-reGeorg-rust, `BLV_OFFSET` and `DE`).

/// What a key comes to.
pub struct Known {
    /// Digits of base64 in the order of their values.
    pub alphabet: &'static [u8; 64],
    /// What is added to each length.
    pub offset: u32,
    /// What the page says to whoever brings nothing, between `<!-- ` and ` -->`.
    pub greeting: &'static [u8],
}

/// The keys, each behind its word.
pub const KEYS: [Known; 13] = [
    // password
    Known {
        alphabet: b"dhULNVGsuAk/MxH6ibjcEfRqDWYznXBe9Pl7+SKoZ8pJaICgrQO0mF21yv345wtT",
        offset: 0x7537_1dd1,
        greeting: b"CZ7cUxtjM3zur0GDDQvtDPPU2acBDpNfgn/LY79DhV57tfk1XI9zY9KpkrlRsw",
    },
    // debug
    Known {
        alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        offset: 0x7c5f_aac3,
        greeting: b"AXWXqW5WTlBrdxYeF8S1mHAjoRsA94Tc3XMyhKldJ+/AJUvyfggxh2ljNsqBp5eXprmxrKuhpy7/bHUBwYCP",
    },
    // rebeyond
    Known {
        alphabet: b"LOsBDQmjK0azIEtTo5q7gUu+b81F9y/lPY3iHCfVJMnR2NXA4vxkwdScpGheZ6Wr",
        offset: 0x6c83_7575,
        greeting: b"fgGgv1GiTqeEBI5uUWWq+toBu9shkBfrybY2OC2GRTwz7ZPsjg9QUW0aP29Z+pCX4xCNVJ0",
    },
    // key
    Known {
        alphabet: b"yewVGo+BCvNsZrDIiKXMhkq5tFHuA9J/n2jclLdP873bOaYz1QfpTSExW64R0gUm",
        offset: 0x5648_136b,
        greeting: b"AwzlneQLNq3O7Gpk0KKDJKWCojEaYRgSZWJxXGxCqiUMXUR5Xm96yxAtJZXn7c/M3nQ",
    },
    // pass
    Known {
        alphabet: b"ymvx0PzraRgGsoLkAJ3TjC7EwNO4H/B1b6Mlq9W5+ncfZFiQ8KUpdtXVYDIu2She",
        offset: 0x1062_4a15,
        greeting: b"Cj9TeVimyShxIeiXaOSyPHd01F4gsjwF0Y5FYV7r3n5yuWiAC8YpOMuZa+2zue/HqSwFFQ4yUjBrz0K57iGxF+NnpuM",
    },
    // admin
    Known {
        alphabet: b"ymu5sUFdCT/PO1iVt8h0k62+QzSgeZL97WADHr4apJfcXGNxK3BwqoYIlnMERvbj",
        offset: 0x14cf_33a5,
        greeting: b"FpcAIgAEsr4YPLi0PpzkGsfh5ff8+dm67vmp89maRR5nQsd42uGPRIGDR14gzdPX/IEkWMxgWpKJfZhj196erbqPxSXS3IHWYKA",
    },
    // 123456
    Known {
        alphabet: b"MtJqf9HheL4cNWAFr30ioI6g7aVYvmGTXpyC1w/xlSnZzuDUkbR2KQsE+P5dOB8j",
        offset: 0x0df2_f962,
        greeting: b"Ca0UnsXeEGeOmlABvdNXmxJ3DrooiK/yLx/mrQC0P/ad03iOR6sh4vPhJ38l3YrOu0SSNA",
    },
    // a
    Known {
        alphabet: b"yqzEWkx20QUigc48T1OwShmjD6MAdv5G37Ifoprt+FluXNVHanBeCK/PsLYbRJ9Z",
        offset: 0x52a4_3ef6,
        greeting: b"CrWrKNh9MR4fRJ/zkSr7V3D6hNbLyKfLzM9bUos9b7GoNvurfQaKmDNVwPeaYmS3gYnSMmWffhmf0Wz+TegztkRkEM+zo6o",
    },
    // x
    Known {
        alphabet: b"vtPU/C+VmbhO9cL4Yu8piR67JSZAFgMwBTylqHk2QxfXN5jsEn3D0rWzKda1oeIG",
        offset: 0x6c1d_0c18,
        greeting: b"ll/63yOToBcy0n0K4tm6BQY0UUBMZL4ykaITxxkCRLKuQrXxaKeUjNc+4fD/TZKM7klWwTHsRH0YwsuK4N/VUw",
    },
    // cmd
    Known {
        alphabet: b"jdZCg347OySbk06oKIcADRu8atWzn1vMNmPl9YTwxqQFJeVEpUfH2i5rhGsX/L+B",
        offset: 0x2391_47c5,
        greeting: b"KXrPSuM6gpra+5/Pv2OjEyepCPx8USdvM502PJJgD9iyBeyIG5ApH0Qh87tiD9wTSFUz7tC1NyMunUvpYRflzF5ncA",
    },
    // test
    Known {
        alphabet: b"isA6Pu+K/tFEBLbpwYczDm084l7GnS2vorRHajyg3hd9CQeX5ITqOfZxVNU1kWMJ",
        offset: 0x09f2_3845,
        greeting: b"KK9FfWK1V0HjnTedITEUpMqXTMlhorP4qZSWcbQLZaNcLwjXOHf4jpk",
    },
    // root
    Known {
        alphabet: b"UV5vMjh3+melW4OxzfRIcrGq8N6iJ0bYtwS2Dnd/aACEu9pPTgZBK7yLok1sFXHQ",
        offset: 0x4f10_8d99,
        greeting: b"Af839eUadYMLSQJkaLI70CATCkk/b5Jv2bTu7jV60k7sKDtwOSIHbb0Y0jnhPso",
    },
    // shell
    Known {
        alphabet: b"c0bCs2xF6YODQ8/dPleX1ma4tVkzTrWnIofqU5EKv79SNBZ+iJuLywpAHMhRgj3G",
        offset: 0x2949_4497,
        greeting: b"RCDVlqiszWEqfn6dO3Ll4xw0oVV13CGxa/LXET9LXLffxsGGwv2mFa8Ccw",
    },
];
