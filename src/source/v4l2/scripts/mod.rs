//! What a source does about each trouble of its camera, played through without one. Every script is
//! played with each driver that the model knows.

/// Plays scripts with every driver.
macro_rules! scripts {
    ($($script:ident)*) => {
        mod webcam {
            $(#[test] fn $script() { super::$script(super::Personality::Webcam); })*
        }
        mod tegra {
            $(#[test] fn $script() { super::$script(super::Personality::Tegra); })*
        }
    };
}

mod stage; // a source and its camera
mod troubles; // what is done about them
mod pictures; // what comes, and what it is like
mod tegra; // what only one driver does
