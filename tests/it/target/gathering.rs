//! Which frames are kept while a person holds the target before a camera.

use deblurd::calibrate::target::{FRAMES_MAX, Gathering, Hint, Options, Pattern};
use deblurd::frame::{Extent, Layout, Picture, PictureFormat};

use super::photograph::Photograph;
use super::psf;
use crate::harness::{apply, trial};

const GRID: Options = Options { curve: None, grid: (2, 1) };

/// A small photograph with the target's middle there.
fn photograph(middle: [f64; 2], change: impl FnOnce(&mut Photograph)) -> Picture {
    let extent = Extent::new(340, 210);
    let still = Photograph {
        extent,
        middle,
        cell: 1.3,
        turn: 0.0,
        tilt: [0.0; 2],
        ..Photograph::default()
    };
    let mut photograph = Photograph { bend: 0.0, ..still };
    change(&mut photograph);
    photograph.take(&Pattern::default(), &psf("disk:1"), 1).remove(0)
}

/// The same in colour, as cameras give it.
fn coloured(gray: &Picture) -> Picture {
    let format = PictureFormat { layout: Layout::Rgb, ..gray.format() };
    let mut picture = Picture::new(format);
    for plane in picture.planes_mut() {
        plane.samples_mut().copy_from_slice(gray.planes()[0].samples());
    }
    picture
}

#[apply(trial)]
fn good_frames_are_kept_and_no_more_than_are_wanted() {
    let pattern = Pattern::default();
    let mut gathering = Gathering::new(&pattern, &Options::default(), (3, 3));
    let frame = coloured(&photograph([170.0, 105.0], |p| p.turn = 180.0));
    assert_eq!(gathering.look(&frame).hints, []);
    assert_eq!(gathering.frames(), 0, "a frame was kept that was only looked at");
    for number in 1..=FRAMES_MAX + 1 {
        // Upside down is no matter.
        assert_eq!(gathering.take(&frame).hints, [], "frame {number}");
        assert_eq!(gathering.frames(), number.min(FRAMES_MAX));
        assert_eq!(gathering.is_complete(), number >= FRAMES_MAX);
    }
    let groups = gathering.groups();
    assert_eq!((groups.len(), groups[0].len()), (1, FRAMES_MAX));
    assert!(groups[0].iter().all(|frame| frame.format().layout == Layout::Gray), "colour is kept");
    let covered: Vec<f64> = gathering.coverage().collect();
    assert!(covered[4] >= 1.0 && covered[0] < 0.25, "{covered:?}");
}

#[apply(trial)]
fn a_grid_wants_several_positions() {
    let pattern = Pattern::default();
    let mut gathering = Gathering::new(&pattern, &GRID, GRID.grid);
    let [left, right] = [75.0, 265.0].map(|x| photograph([x, 105.0], |_| ()));
    let hints = |gathering: &mut Gathering<'_>, frame| gathering.take(frame).hints;
    for _ in 0..2 {
        assert_eq!(hints(&mut gathering, &left), []);
    }
    assert_eq!(hints(&mut gathering, &left), [Hint::MoveOn]);
    assert_eq!(gathering.coverage().collect::<Vec<_>>(), [1.0, 0.0]);
    assert!(!gathering.is_complete());
    assert_eq!(hints(&mut gathering, &right), [Hint::HoldStill], "it has just moved");
    for _ in 0..2 {
        assert_eq!(hints(&mut gathering, &right), []);
    }
    assert!(gathering.is_complete());
    let kept: Vec<usize> = gathering.groups().iter().map(|group| group.len()).collect();
    assert_eq!(kept, [2, 2]);
}

#[apply(trial)]
fn frames_of_no_use_are_not_kept() {
    let pattern = Pattern::default();
    for (frame, hint) in [
        (photograph([1000.0, 105.0], |_| ()), Hint::ShowTarget),
        (photograph([300.0, 105.0], |_| ()), Hint::ShowAll),
        (photograph([170.0, 105.0], |p| p.cell = 1.1), Hint::Nearer),
        (photograph([170.0, 105.0], |p| p.light = (0.04, 1.4)), Hint::LessLight),
    ] {
        let mut gathering = Gathering::new(&pattern, &Options::default(), (3, 3));
        let hints = gathering.take(&frame).hints;
        assert!(hints.contains(&hint), "{hints:?} without {hint:?}");
        assert_eq!((gathering.frames(), gathering.groups().len()), (0, 0), "{hint:?}");
    }
}
