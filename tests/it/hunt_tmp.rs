#[test]
fn hunt() {
    let mut paths: Vec<_> = std::fs::read_dir("/tmp/hunt").unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "toml")).collect();
    paths.sort();
    for p in paths {
        let Ok(text) = std::fs::read_to_string(&p) else { continue };
        let name = p.file_name().unwrap().to_str().unwrap().to_owned();
        let r = groupkeeper::rule::read(vec![(name.clone(), text)], None);
        let out: String = groupkeeper::rule::diagnostic::render_all(&r.diagnostics, false).lines().filter(|l| l.trim() != "|").map(|l| format!("{l}\n")).collect();
        std::fs::write(p.with_extension("out"), out).unwrap();
    }
}
