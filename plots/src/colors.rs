//! Colors.

use plotters::style::RGBColor;

/// Told apart by people who see no red or no green as well: those of Okabe and Ito (2008) without yellow, which is hardly seen on
/// white, and three more of Tol's.
pub(crate) const PALETTE: [RGBColor; 10] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(40, 40, 40),
    RGBColor(136, 34, 85),
    RGBColor(153, 153, 51),
    RGBColor(160, 160, 160),
];

pub(crate) const TEXT: RGBColor = RGBColor(30, 30, 30);
pub(crate) const LABEL: RGBColor = RGBColor(90, 90, 90);
pub(crate) const AXIS: RGBColor = RGBColor(140, 140, 140);
pub(crate) const GRID: RGBColor = RGBColor(226, 226, 226);
pub(crate) const SHADE: RGBColor = RGBColor(243, 244, 246);
