"""The desk: every human choice, as data. A study is one TOML file; `load_study` reads and checks it."""
