//! A screenshot as pixels: what is opaque and where, and a copy for people to look at.

use std::env;
use std::fs;
use std::io::Cursor;
use std::path::PathBuf;

/// A picture with an alpha channel.
pub struct Picture {
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// Reads a PNG.
    ///
    /// # Panics
    /// When it is none, or has no alpha channel.
    pub fn decode(png: &[u8]) -> Self {
        let mut reader = png::Decoder::new(Cursor::new(png)).read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("it fits into memory")];
        let frame = reader.next_frame(&mut pixels).expect("a whole PNG");
        assert_eq!(frame.color_type, png::ColorType::Rgba, "the picture has no alpha channel");
        Self { width: frame.width as usize, height: frame.height as usize, pixels }
    }

    /// Red, green, blue and alpha at a place.
    ///
    /// # Panics
    /// When it is outside.
    pub fn at(&self, x: usize, y: usize) -> [u8; 4] {
        assert!(x < self.width && y < self.height, "{x},{y} is outside of {}x{}", self.width, self.height);
        let start = (y * self.width + x) * 4;
        self.pixels[start..start + 4].try_into().expect("four bytes")
    }

    /// The share of pixels, 0 to 1, in the area that show more than a shadow.
    pub fn share_shown(&self, x: std::ops::Range<usize>, y: std::ops::Range<usize>) -> f64 {
        let all = x.len() * y.len();
        let shown = y.flat_map(|y| x.clone().map(move |x| (x, y))).filter(|(x, y)| self.at(*x, *y)[3] > 128).count();
        shown as f64 / all.max(1) as f64
    }

    /// Whether not a single pixel shows anything.
    pub fn is_clear(&self) -> bool {
        self.pixels.chunks_exact(4).all(|pixel| pixel[3] == 0)
    }

    /// Keeps it as `target/screenshots/NAME.png`, on a ground like a stream's, so that light and dark both show.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn keep(&self, name: &str) {
        let mut ground = Vec::with_capacity(self.width * self.height * 3);
        for (place, pixel) in self.pixels.chunks_exact(4).enumerate() {
            let (x, y) = (place % self.width, place / self.width);
            let light = if (x / 16 + y / 16) % 2 == 0 { 150 } else { 128 };
            let alpha = u32::from(pixel[3]);
            ground.extend(pixel[..3].iter().map(|&part| ((u32::from(part) * alpha + light * (255 - alpha)) / 255) as u8));
        }
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header().and_then(|mut writer| writer.write_image_data(&ground)).expect("a picture can be encoded");
        keep(name, &bytes);
    }
}

/// Writes `target/screenshots/NAME.png`.
pub(crate) fn keep(name: &str, png: &[u8]) {
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target")), PathBuf::from);
    let folder = target.join("screenshots");
    let file = folder.join(format!("{name}.png"));
    let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, png));
    written.unwrap_or_else(|e| panic!("{} cannot be written: {e}", file.display()));
}
