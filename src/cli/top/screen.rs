//! The terminal: taken over, drawn on, and given back as it was on every way out.

use std::io::{self, Write};
use std::sync::Once;
use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute, queue};

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Plain,
    Head,
    Soft,
    Good,
    Warning,
    Bad,
}

/// Text in pieces that look alike.
pub(super) type Line = Vec<(Look, String)>;

/// Lines that a key moves by which moves by many.
const PAGE: isize = 10;

/// What was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Quit,
    /// The lines before or behind those that are shown, so many.
    Move(isize),
    Other,
}

/// The terminal while it is ours.
#[derive(Debug)]
pub(super) struct Screen(());

impl Screen {
    /// Takes the terminal over.
    pub(super) fn open() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let told = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                // What is told must be legible.
                drop(give_back());
                told(panic);
            }));
        });
        terminal::enable_raw_mode()?;
        let screen = Self(());
        execute!(io::stdout(), EnterAlternateScreen, cursor::Hide)?;
        Ok(screen)
    }

    /// Draws the lines that `lines` gives for a width and a height.
    pub(super) fn show(&mut self, lines: impl FnOnce(usize, usize) -> Vec<Line>) -> io::Result<()> {
        // A serial console knows no size.
        let known = terminal::size().ok().filter(|&(width, height)| width > 0 && height > 0);
        let (width, height) = known.unwrap_or((80, 24));
        let mut out = io::stdout().lock();
        queue!(out, cursor::MoveTo(0, 0))?;
        for (row, line) in (0..height).zip(lines(width.into(), height.into())) {
            queue!(out, cursor::MoveTo(0, row))?;
            for (look, text) in line {
                dress(&mut out, look)?;
                queue!(out, Print(text), ResetColor, SetAttribute(Attribute::Reset))?;
            }
            queue!(out, Clear(ClearType::UntilNewLine))?;
        }
        queue!(out, Clear(ClearType::FromCursorDown))?;
        out.flush()
    }

    /// Waits for a key, at most for `patience`.
    pub(super) fn wait(&mut self, patience: Duration) -> io::Result<Option<Key>> {
        if !event::poll(patience)? {
            return Ok(None);
        }
        let Event::Key(key) = event::read()? else { return Ok(None) };
        let is_interrupt =
            key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        let is_quit = matches!(key.code, KeyCode::Char('q' | 'Q') | KeyCode::Esc) || is_interrupt;
        if key.kind == KeyEventKind::Release {
            return Ok(Some(Key::Other));
        }
        Ok(Some(match key.code {
            _ if is_quit => Key::Quit,
            KeyCode::Up => Key::Move(-1),
            KeyCode::Down => Key::Move(1),
            KeyCode::PageUp => Key::Move(-PAGE),
            KeyCode::PageDown => Key::Move(PAGE),
            _ => Key::Other,
        }))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // There is nobody to tell where the terminal is gone.
        drop(give_back());
    }
}

fn give_back() -> io::Result<()> {
    let restored = execute!(io::stdout(), LeaveAlternateScreen, cursor::Show);
    terminal::disable_raw_mode().and(restored)
}

fn dress(out: &mut impl Write, look: Look) -> io::Result<()> {
    match look {
        Look::Plain => Ok(()),
        Look::Head => queue!(out, SetAttribute(Attribute::Bold)),
        Look::Soft => queue!(out, SetForegroundColor(Color::DarkGrey)),
        Look::Good => queue!(out, SetForegroundColor(Color::Green)),
        Look::Warning => queue!(out, SetForegroundColor(Color::Yellow)),
        Look::Bad => queue!(out, SetForegroundColor(Color::Red)),
    }
}
