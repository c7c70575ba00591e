//! Medians, and how sure one may be of them.

/// The middle of what was seen, and the middle half of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quartiles {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Quartiles {
    /// Of at least one figure.
    pub(crate) fn of(figures: &[f64]) -> Self {
        let sorted = sorted(figures.iter().copied());
        Self {
            low: quantile(&sorted, 0.25),
            median: quantile(&sorted, 0.5),
            high: quantile(&sorted, 0.75),
        }
    }
}

/// A ratio of medians, and the interval in which 95 of 100 such runs would find it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ratio {
    pub(crate) low: f64,
    pub(crate) value: f64,
    pub(crate) high: f64,
}

impl Ratio {
    /// Of figures that belong together by round. What disturbed a round disturbed both, so the
    /// bootstrap draws rounds, not figures.
    pub(crate) fn of(figures: &[f64], base: &[f64]) -> Self {
        const DRAWS: usize = 2_000;
        let rounds = figures.len().min(base.len());
        let value = median(figures.iter().copied()) / median(base.iter().copied());
        // Always the same draws, so a table that is printed again is the same table.
        let mut random = fastrand::Rng::with_seed(0x10_0bac);
        let drawn = (0..DRAWS).map(|_| {
            let draw: Vec<usize> = (0..rounds).map(|_| random.usize(..rounds)).collect();
            let median_of = |of: &[f64]| median(draw.iter().map(|&round| of[round]));
            median_of(figures) / median_of(base)
        });
        let drawn = sorted(drawn);
        Self {
            low: quantile(&drawn, 0.025),
            value,
            high: quantile(&drawn, 0.975),
        }
    }
}

pub(crate) fn median(figures: impl Iterator<Item = f64>) -> f64 {
    quantile(&sorted(figures), 0.5)
}

fn sorted(figures: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures
}

/// Between two neighbours, by how near each is; not a number where there are no figures.
fn quantile(sorted: &[f64], at: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = at * last as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_neighbours() {
        assert_quartiles(&[7.0], [7.0, 7.0, 7.0]);
        assert_quartiles(&[4.0, 1.0], [1.75, 2.5, 3.25]);
        assert_quartiles(&[5.0, 1.0, 3.0, 2.0, 4.0], [2.0, 3.0, 4.0]);
    }

    #[test]
    fn one_slow_round_leaves_the_median_alone() {
        assert_eq!(median([10.0, 10.0, 1.0, 10.0, 10.0].into_iter()), 10.0);
    }

    #[test]
    fn there_is_no_median_of_nothing() {
        assert!(median([].into_iter()).is_nan());
    }

    #[test]
    fn a_drift_that_both_share_leaves_the_ratio_alone() {
        let base: Vec<f64> = (1..=20).map(f64::from).collect();
        let twice: Vec<f64> = base.iter().map(|figure| 2.0 * figure).collect();
        let ratio = Ratio::of(&twice, &base);
        assert_eq!((ratio.low, ratio.value, ratio.high), (2.0, 2.0, 2.0));
    }

    #[test]
    fn noise_widens_the_interval_around_the_ratio() {
        let base = [10.0; 20];
        let figures: Vec<f64> = (0..20)
            .map(|round| 9.0 + f64::from(round % 5) / 2.0)
            .collect();
        let ratio = Ratio::of(&figures, &base);
        assert_eq!(ratio.value, 1.0);
        assert!(ratio.low < 1.0 && ratio.low >= 0.9, "{ratio:?}");
        assert!(ratio.high > 1.0 && ratio.high <= 1.1, "{ratio:?}");
    }

    #[test]
    fn a_ratio_is_the_same_each_time() {
        let (figures, base) = ([3.0, 1.0, 2.0], [2.0, 2.0, 5.0]);
        assert_eq!(Ratio::of(&figures, &base), Ratio::of(&figures, &base));
    }

    #[track_caller]
    fn assert_quartiles(figures: &[f64], [low, median, high]: [f64; 3]) {
        let expected = Quartiles { low, median, high };
        assert_eq!(Quartiles::of(figures), expected);
    }
}
