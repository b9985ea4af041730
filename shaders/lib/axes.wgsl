// The axes of a strided copy.
const AXES: u32 = 2;
const INNER: u32 = 1; // AXES - 1

struct Axis {
  @align(16) size: u32,
  step_in: i32,
  step_out: u32,
  low: u32, // positions in [low, high) are read
  high: u32,
}

struct Params {
  count: u32,
  first_in: i32,
  first_out: u32,
  fill: u32,
  axes: array<Axis, 6>, // innermost first
}
