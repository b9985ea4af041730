// What linear kernels do with their results: a program of COUNT steps on a value and on the other input at its place.
// Kernels fill `immediates` before they call `finish`; they use steps.wgsl too.
const COUNT: u32 = 0;

var<private> immediates: array<vec4f, 8>;

// Runs the program on four results, and on the other input's elements at their place.
fn finish(value: vec4f, companion: vec4f) -> vec4f {
  if (COUNT == 0u) {
    return value;
  }
  var r: array<vec4f, COUNT + 2>;
  r[0] = value;
  r[1] = companion;
  for (var k = 0u; k < COUNT; k++) { // @unroll
    r[k + 2u] = apply(STEPS[k] & 255u, r[(STEPS[k] >> 8u) & 255u], r[STEPS[k] >> 16u], immediates[k].x, immediates[k].y);
  }
  return r[COUNT + 1u];
}
