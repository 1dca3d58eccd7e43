//! Times and sizes for people.

use std::time::Duration;

/// A size in decimal units: "512 B", "247.6 kB", "30.5 MB".
pub fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = "kB";
    for larger in ["MB", "GB", "TB"] {
        // What would be printed as 1000.0 is printed as 1.0 of the next unit.
        if value < 999.95 {
            break;
        }
        value /= 1000.0;
        unit = larger;
    }
    format!("{value:.1} {unit}")
}

/// A duration with three significant digits: "1.23 ms", "45.6 s", "2 min 03 s".
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds >= 59.95 {
        let rounded = seconds.round() as u64;
        return format!("{} min {:02} s", rounded / 60, rounded % 60);
    }
    let (mut value, mut unit) = (seconds * 1e9, "ns");
    for larger in ["µs", "ms", "s"] {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = larger;
    }
    let decimals = if value < 9.995 {
        2
    } else {
        usize::from(value < 99.95)
    };
    format!("{value:.decimals$} {unit}")
}

/// Largest memory this process has had in use so far, in bytes, where the system tells (Linux).
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (247_592, "247.6 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (30_531_468, "30.5 MB"),
            (u64::MAX, "18446744.1 TB"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn durations() {
        let cases = [
            (0, "0.00 ns"),
            (999, "999 ns"),
            (1_234, "1.23 µs"),
            (999_500, "1.00 ms"),
            (9_994_000, "9.99 ms"),
            (9_996_000, "10.0 ms"),
            (56_780_000, "56.8 ms"),
            (999_600_000, "1.00 s"),
            (59_900_000_000, "59.9 s"),
            (59_960_000_000, "1 min 00 s"),
            (123_400_000_000, "2 min 03 s"),
        ];
        for (nanoseconds, expected) in cases {
            assert_eq!(duration(Duration::from_nanos(nanoseconds)), expected);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn peak_memory_is_plausible() {
        let peak = peak_memory().unwrap();
        assert!((1 << 20..1 << 40).contains(&peak), "{peak}");
    }
}
