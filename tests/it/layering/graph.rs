//! Which file names which: the paths of the code, followed to the files that define what they name.
//!
//! Every path counts, in `use` and elsewhere, inside macro calls too, that begins with `crate`,
//! `self`, `super` or a module of the file's own. A name that a file only passes on (`pub use a::B`
//! in `mod.rs`, named `super::B` elsewhere) is followed to where it comes from, and a file that
//! passes it on does not name it by that. Tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::lexer::{end_of_group, lex, without_tests};

/// The modules of a crate, each with its file.
#[derive(Debug, Default)]
pub(super) struct Graph {
    modules: BTreeMap<Name, Module>,
}

/// The name of a module or of something in it, from the root of the crate, which has none.
type Name = Vec<String>;

#[derive(Debug, Default)]
struct Module {
    /// The file, below the folder of the crate's sources.
    file: String,
    /// Names that it has from elsewhere, and what they name.
    imports: BTreeMap<String, Name>,
    /// Everything that its file names.
    named: BTreeSet<Name>,
}

impl Graph {
    /// Reads the crate whose root is `lib.rs` in `folder`.
    pub(super) fn read(folder: &Path) -> Self {
        let mut graph = Self::default();
        graph.read_file(folder, &folder.join("lib.rs"), Vec::new());
        graph
    }

    fn read_file(&mut self, folder: &Path, path: &Path, name: Name) {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let file = path.strip_prefix(folder).expect("a file of the crate").to_string_lossy().into();
        self.modules.insert(name.clone(), Module { file, ..Module::default() });
        let mut reader = Reader { home: name.clone(), ..Reader::default() };
        reader.read(&without_tests(lex(&text)));
        let is_root = path.ends_with("lib.rs") || path.ends_with("mod.rs");
        let home = if is_root { path.with_file_name("") } else { path.with_extension("") };
        for child in &reader.children {
            let beside = home.join(format!("{child}.rs"));
            let below = home.join(child).join("mod.rs");
            let found: PathBuf = if beside.is_file() { beside } else { below };
            self.read_file(folder, &found, joined(&name, [child.clone()]));
        }
        let module = self.modules.get_mut(&name).expect("inserted above");
        *module = reader.finish(std::mem::take(&mut module.file));
    }

    /// For each file the others that it names.
    pub(super) fn arrows(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let arrows = self.modules.values().map(|module| {
            let targets = module.named.iter().filter_map(|name| self.file_of(name, 0));
            (module.file.as_str(), targets.filter(|file| *file != module.file).collect())
        });
        arrows.collect()
    }

    /// The file that defines what is named.
    fn file_of(&self, name: &[String], followed: usize) -> Option<&str> {
        assert!(followed < 32, "imports of {name:?} lead nowhere");
        let depth =
            (0..=name.len()).rev().find(|&depth| self.modules.contains_key(&name[..depth]))?;
        let module = &self.modules[&name[..depth]];
        match name.get(depth).and_then(|first| module.imports.get(first)) {
            Some(origin) => self.file_of(&joined(origin, name[depth + 1..].to_vec()), followed + 1),
            None => Some(&module.file),
        }
    }
}

/// Groups of nodes that name each other, directly or through others: each is sorted.
pub(super) fn circles<'a>(arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<Vec<&'a str>> {
    let reached = |start: &'a str| {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&str> = vec![start];
        while let Some(node) = next.pop() {
            let targets = arrows.get(node).into_iter().flatten();
            next.extend(targets.filter(|target| seen.insert(**target)));
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        arrows.keys().map(|node| (*node, reached(node))).collect();
    let meets = |a: &str, b: &str| reached[a].contains(b) && reached[b].contains(a);
    let circles: BTreeSet<Vec<&str>> = arrows
        .keys()
        .map(|node| arrows.keys().copied().filter(|other| meets(node, other)).collect())
        .collect();
    circles.into_iter().filter(|circle| !circle.is_empty()).collect()
}

/// Reads what one file names.
#[derive(Default)]
struct Reader {
    /// The module whose code is read: that of the file, or one written out in it.
    home: Name,
    /// How deep in modules written out in the file the code is.
    depth: usize,
    /// The modules of `home` that are files of their own.
    children: Vec<String>,
    module: Module,
    /// Names that the file passes on; it names them where it uses them itself.
    passed_on: BTreeMap<String, Name>,
    /// First words of all paths but those of imports.
    words: BTreeSet<String>,
}

impl Reader {
    /// Reads code, whose modules it takes note of before it reads what names them.
    fn read(&mut self, mut code: &[String]) {
        let child =
            |words: &[String]| (words[0] == "mod" && words[2] == ";").then(|| words[1].clone());
        self.children.extend(code.windows(3).filter_map(child));
        while let Some((first, rest)) = code.split_first() {
            let end = || rest.iter().position(|word| word == ";").unwrap_or(rest.len());
            code = match first.as_str() {
                "mod" if rest.get(1).is_some_and(|word| word == "{") => {
                    let end = 1 + end_of_group(&rest[1..]);
                    self.read_inline(&rest[0], &rest[2..end]);
                    &rest[end..]
                }
                "use" => {
                    self.import(&rest[..end()], &[], false);
                    &rest[end()..]
                }
                "pub" => {
                    let within = rest.first().is_some_and(|word| word == "(");
                    let rest = &rest[if within { end_of_group(rest) + 1 } else { 0 }..];
                    let is_import = rest.first().is_some_and(|word| word == "use");
                    let end = rest.iter().position(|word| word == ";").filter(|_| is_import);
                    let (import, after) = rest.split_at(end.unwrap_or(0));
                    self.import(import.get(1..).unwrap_or_default(), &[], true);
                    after
                }
                word if is_name(word) => {
                    let (path, after) = path_from(code);
                    self.words.insert(path[0].clone());
                    if path.len() > 1 {
                        self.module.named.extend(self.full(&path));
                    }
                    after
                }
                _ => rest,
            };
        }
    }

    fn read_inline(&mut self, name: &str, code: &[String]) {
        let children = std::mem::take(&mut self.children);
        self.home.push(name.to_owned());
        self.depth += 1;
        self.read(code);
        self.depth -= 1;
        self.home.pop();
        self.children = children;
    }

    /// Reads what follows `use`, up to the semicolon.
    fn import(&mut self, tree: &[String], before: &[String], passes_on: bool) {
        match tree {
            [first, ..] if is_name(first) => {
                let (path, after) = path_from(tree);
                let path = joined(before, path);
                match after {
                    [word, known_as, ..] if word == "as" => self.bind(&path, known_as, passes_on),
                    [colons, tree @ ..] if colons == "::" => self.import(tree, &path, passes_on),
                    _ => {
                        let path = path.strip_suffix(&["self".to_owned()]).unwrap_or(&path);
                        self.bind(path, path.last().map_or("", String::as_str), passes_on);
                    }
                }
            }
            [first, rest @ ..] if first == "{" => {
                let mut trees = &rest[..end_of_group(tree) - 1];
                while !trees.is_empty() {
                    let (tree, after) = trees.split_at(end_of_tree(trees));
                    self.import(tree, before, passes_on);
                    trees = after.get(1..).unwrap_or_default();
                }
            }
            [all] if all == "*" && !passes_on => self.module.named.extend(self.full(before)),
            // `*` that is passed on, or `::` before the name of a crate.
            _ => {}
        }
    }

    fn bind(&mut self, path: &[String], known_as: &str, passes_on: bool) {
        let Some(full) = self.full(path) else { return };
        if passes_on {
            self.passed_on.insert(known_as.to_owned(), full.clone());
        } else {
            self.module.named.insert(full.clone());
        }
        // What a module written out in the file imports is nobody else's.
        if self.depth == 0 && full != joined(&self.home, [known_as.to_owned()]) {
            self.module.imports.insert(known_as.to_owned(), full);
        }
    }

    /// The full name of a path as it is written here, where it is of this crate.
    fn full(&self, path: &[String]) -> Option<Name> {
        let first = path.first()?;
        if first == "crate" {
            return Some(path[1..].to_vec());
        }
        let up = path.iter().take_while(|word| *word == "super").count();
        let is_own = first == "self" || up > 0 || self.children.contains(first);
        let home = &self.home[..self.home.len().checked_sub(up)?];
        let rest = &path[up.max(usize::from(first == "self"))..];
        is_own.then(|| joined(home, rest.to_vec()))
    }

    fn finish(self, file: String) -> Module {
        let Self { mut module, passed_on, words, .. } = self;
        let used = passed_on.into_iter().filter(|(word, _)| words.contains(word));
        module.named.extend(used.map(|(_, name)| name));
        Module { file, ..module }
    }
}

/// The path with which code begins, and what follows it.
fn path_from(code: &[String]) -> (Vec<String>, &[String]) {
    let mut path = vec![code[0].clone()];
    let mut rest = &code[1..];
    while let [colons, word, after @ ..] = rest {
        if colons != "::" || !is_name(word) {
            break;
        }
        path.push(word.clone());
        rest = after;
    }
    (path, rest)
}

/// Where the first of several imports, separated by commas, ends.
fn end_of_tree(trees: &[String]) -> usize {
    let mut at = 0;
    while at < trees.len() && trees[at] != "," {
        at += if trees[at] == "{" { end_of_group(&trees[at..]) + 1 } else { 1 };
    }
    at
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

fn joined(before: &[String], after: impl IntoIterator<Item = String>) -> Name {
    before.iter().cloned().chain(after).collect()
}
