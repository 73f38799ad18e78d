//! Figures as a whole: pixels and documents.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use image::{Rgb, RgbImage};
use roxmltree::{Document, Node};
use stylegan_base::Resolution;
use stylegan_plots::{Band, Curve, Error, Figure, MOST_RUNS, Panel};

const SIZE: Resolution = Resolution { width: 640, height: 420 };
/// The colors of the first two curves.
const BLUE: Rgb<u8> = Rgb([0, 114, 178]);
const RED: Rgb<u8> = Rgb([213, 94, 0]);

fn curve(run: &str, name: &str, points: &[(f64, f64)]) -> Curve {
    Curve { run: run.to_owned(), name: name.to_owned(), points: points.to_vec(), smooth: 1 }
}

fn figure(curves: Vec<Curve>) -> Figure {
    let panel = Panel { title: "loss".to_owned(), log: false, curves };
    Figure { x_label: "kimg".to_owned(), panels: vec![panel], ..Figure::default() }
}

fn logarithmic(curves: Vec<Curve>) -> Figure {
    let mut figure = figure(curves);
    figure.panels[0].log = true;
    figure
}

/// What a document has of a tag in a color.
fn drawn<'a>(document: &'a Document<'a>, tag: &str, Rgb([red, green, blue]): Rgb<u8>) -> Vec<Node<'a, 'a>> {
    let color = format!("#{red:02X}{green:02X}{blue:02X}");
    let is_drawn = |node: &Node<'_, '_>| {
        node.has_tag_name(tag)
            && [node.attribute("stroke"), node.attribute("fill")].contains(&Some(color.as_str()))
    };
    document.descendants().filter(is_drawn).collect()
}

fn texts(document: &Document<'_>) -> Vec<String> {
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    texts.map(|node| node.text().unwrap_or_default().trim().to_owned()).collect()
}

/// Pixels at which a number of an axis stands, as the document says.
fn places(document: &Document<'_>, number: &str) -> Vec<(f32, f32)> {
    let is_number = |node: &Node<'_, '_>| node.has_tag_name("text") && node.text().unwrap().trim() == number;
    let at = |node: Node<'_, '_>, key| node.attribute(key).unwrap().parse::<f32>().unwrap() / 10.0;
    document.descendants().filter(is_number).map(|node| (at(node, "x"), at(node, "y"))).collect()
}

fn nearly_is(found: Rgb<u8>, color: Rgb<u8>) -> bool {
    found.0.iter().zip(color.0).all(|(a, b)| a.abs_diff(b) < 30)
}

fn has(picture: &RgbImage, color: Rgb<u8>) -> bool {
    picture.pixels().any(|pixel| *pixel == color)
}

#[test]
fn a_line_lies_where_the_axes_say() {
    let rising = curve("a", "", &[(0.0, 10.0), (100.0, 60.0)]);
    let falling = curve("b", "", &[(0.0, 1000.0), (80.0, 0.1)]);
    for (figure, points) in [
        (figure(vec![rising]), [("20", "20"), ("60", "40"), ("80", "50")]),
        (logarithmic(vec![falling]), [("20", "100"), ("40", "10"), ("60", "1")]),
    ] {
        let (picture, svg) = (figure.picture(SIZE).unwrap(), figure.svg(SIZE).unwrap());
        let document = Document::parse(&svg).unwrap();
        for (x, y) in points {
            // Of two equal numbers, that of the x axis is the lower one.
            let (x, _) = places(&document, x).into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
            let (_, y) = places(&document, y).into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
            let near = |value: f32| value.round() as u32 - 1..=value.round() as u32 + 1;
            let is_there = near(x).any(|x| near(y).any(|y| nearly_is(*picture.get_pixel(x, y), BLUE)));
            assert!(is_there, "{x} {y}");
        }
    }
}

#[test]
fn documents_are_xml_whatever_things_are_called() {
    let names = ["<&\"'>", "]]>", "a\u{1b}\u{0}b\u{ffff}", "顔", ""];
    let curves: Vec<Curve> =
        names.iter().map(|name| curve(name, "loss", &[(0.0, 1.0), (1.0, 2.0)])).collect();
    let mut figure = Figure { title: "<title> & 'more'".to_owned(), ..figure(curves) };
    figure.bands = vec![Band { from: 0.0, to: 1.0, label: "<8x8>".to_owned() }];
    let svg = figure.svg(SIZE).unwrap();
    let document = Document::parse(&svg).unwrap();
    let root = document.root_element();
    assert_eq!((root.attribute("width"), root.attribute("viewBox")), (Some("640"), Some("0 0 6400 4200")));
    let texts = texts(&document);
    for text in
        ["<&\"'>", "]]>", "a\u{fffd}\u{fffd}b\u{fffd}", "顔", "<title> & 'more'", "<8x8>", "kimg", "loss"]
    {
        assert!(texts.iter().any(|found| found == text), "{text}: {texts:?}");
    }
    assert!(has(&figure.picture(SIZE).unwrap(), RED));
}

#[test]
fn what_is_not_finite_is_a_gap() {
    let values = [1.0, 2.0, f64::NAN, 3.0, f64::INFINITY, 4.0, 5.0, 1e308];
    let points: Vec<(f64, f64)> = values.iter().zip(0..).map(|(y, x)| (f64::from(x), *y)).collect();
    let svg = figure(vec![curve("a", "", &points)]).svg(SIZE).unwrap();
    let document = Document::parse(&svg).unwrap();
    // Every point of a short curve is shown, and those that follow one another are joined.
    assert_eq!(drawn(&document, "circle", BLUE).len(), 5);
    let lines = drawn(&document, "polyline", BLUE);
    let joined: Vec<usize> =
        lines.iter().map(|line| line.attribute("points").unwrap().split_whitespace().count()).collect();
    assert_eq!(joined, [2, 1, 2]);

    let svg = logarithmic(vec![curve("a", "", &[(0.0, 0.0), (1.0, -5.0), (2.0, 7.0), (3.0, 8.0)])])
        .svg(SIZE)
        .unwrap();
    assert_eq!(drawn(&Document::parse(&svg).unwrap(), "circle", BLUE).len(), 2);
}

#[test]
fn little_and_nothing_can_be_drawn() {
    let one = figure(vec![curve("a", "", &[(5.0, 7.0)])]);
    assert!(has(&one.picture(SIZE).unwrap(), BLUE));
    for nothing in [
        Figure::default(),
        figure(Vec::new()),
        figure(vec![curve("a", "", &[])]),
        figure(vec![curve("a", "", &[(f64::NAN, 1.0), (1.0, f64::NAN)])]),
        logarithmic(vec![curve("a", "", &[(0.0, -1.0)])]),
    ] {
        assert!(!has(&nothing.picture(SIZE).unwrap(), BLUE));
        assert!(Document::parse(&nothing.svg(SIZE).unwrap()).is_ok());
    }
}

#[test]
fn runs_have_colors_and_so_have_names_of_one_run() {
    let line = [(0.0, 1.0), (1.0, 2.0)];
    let shown = |figure: &Figure| texts(&Document::parse(&figure.svg(SIZE).unwrap()).unwrap());
    let runs = figure(vec![curve("first", "x", &line), curve("second", "x", &line)]);
    let texts_of_runs = shown(&runs);
    assert!(
        ["first", "second"].iter().all(|run| texts_of_runs.contains(&(*run).to_owned())),
        "{texts_of_runs:?}"
    );
    assert!(!texts_of_runs.contains(&"x".to_owned()));
    assert!(has(&runs.picture(SIZE).unwrap(), RED));
    let names = figure(vec![curve("first", "x", &line), curve("first", "y", &line)]);
    let texts_of_names = shown(&names);
    assert!(["x", "y"].iter().all(|name| texts_of_names.contains(&(*name).to_owned())), "{texts_of_names:?}");
    assert!(!texts_of_names.contains(&"first".to_owned()));
    let many = (0..=MOST_RUNS).map(|run| curve(&run.to_string(), "x", &line)).collect();
    assert_eq!(figure(many).svg(SIZE), Err(Error::Runs(MOST_RUNS + 1)));
}

#[test]
fn every_second_band_is_shaded() {
    let mut figure = figure(vec![curve("a", "", &[(0.0, 1.0), (100.0, 2.0)])]);
    let band = |from, to, label: &str| Band { from, to, label: label.to_owned() };
    figure.bands = vec![
        band(0.0, 50.0, "8x8"),
        band(50.0, 99.0, "16x16"),
        band(99.0, 100.0, "32x32"),
        band(f64::NAN, 1.0, "?"),
    ];
    let svg = figure.svg(SIZE).unwrap();
    let document = Document::parse(&svg).unwrap();
    let shade = Rgb([243, 244, 246]);
    assert_eq!(drawn(&document, "rect", shade).len(), 1);
    let texts = texts(&document);
    // The third is too narrow for its name.
    assert_eq!(
        ["8x8", "16x16", "32x32", "?"].map(|label| texts.contains(&label.to_owned())),
        [true, true, false, false]
    );
    assert!(has(&figure.picture(SIZE).unwrap(), shade));
}

#[test]
fn sizes_have_bounds() {
    let figure = figure(vec![curve("a", "", &[(0.0, 1.0), (1.0, 2.0)])]);
    for (width, height) in [(239, 240), (240, 239), (8193, 240), (0, 0), (usize::MAX, usize::MAX)] {
        let size = Resolution { width, height };
        assert_eq!(figure.picture(size), Err(Error::Size(size)));
        assert_eq!(figure.svg(size), Err(Error::Size(size)));
    }
    let mut crowded = figure.clone();
    crowded.panels = vec![figure.panels[0].clone(); 30];
    for (width, height) in [(240, 240), (8192, 240), (240, 8192)] {
        let size = Resolution { width, height };
        assert_eq!(crowded.picture(size).unwrap().dimensions(), (width as u32, height as u32));
    }
}

#[test]
fn a_long_title_leaves_room_for_names() {
    let curves = |names: [&str; 2]| names.map(|name| curve("a", name, &[(0.0, 1.0), (1.0, 2.0)])).to_vec();
    let words = |title: &str, names: [&str; 2]| {
        let mut figure = figure(curves(names));
        figure.panels[0].title = title.to_owned();
        texts(&Document::parse(&figure.svg(SIZE).unwrap()).unwrap())
    };
    let has = |texts: &[String], start: &str| texts.iter().any(|text| text.starts_with(start));

    let long =
        "distance between two pictures of one seed whose noise is another, by the features of a network";
    let found = words(long, ["first of the seeds", "second of the seeds"]);
    assert!(has(&found, "distance between") && !found.contains(&long.to_owned()), "{found:?}");
    assert!(has(&found, "first") && has(&found, "second"), "{found:?}");

    // A long name is not cut for a short one where all has room.
    let name = "the gradient's norm with respect to the pictures";
    let found = words("loss", [name, "swd"]);
    assert!(found.contains(&name.to_owned()) && found.contains(&"swd".to_owned()), "{found:?}");
}
