// Fourier transforms of few samples in registers, in place: v[k] becomes the sum of v[n] exp(-2 pi i k n / R).

__device__ __forceinline__ float2 operator+(float2 a, float2 b) { return make_float2(a.x + b.x, a.y + b.y); }
__device__ __forceinline__ float2 operator-(float2 a, float2 b) { return make_float2(a.x - b.x, a.y - b.y); }
__device__ __forceinline__ float2 operator*(float a, float2 b) { return make_float2(a * b.x, a * b.y); }
__device__ __forceinline__ float2 product(float2 a, float2 b) {
    return make_float2(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}
// -i a
__device__ __forceinline__ float2 turned(float2 a) { return make_float2(a.y, -a.x); }

// Transforms of few samples, in place.
template <int R> __device__ __forceinline__ void dft(float2 *v);

template <> __device__ __forceinline__ void dft<2>(float2 *v) {
    float2 a = v[0], b = v[1];
    v[0] = a + b;
    v[1] = a - b;
}

template <> __device__ __forceinline__ void dft<3>(float2 *v) {
    float2 sum = v[1] + v[2], turn = 0.86602540378443865f * turned(v[1] - v[2]);
    float2 middle = v[0] - 0.5f * sum;
    v[0] = v[0] + sum;
    v[1] = middle + turn;
    v[2] = middle - turn;
}

template <> __device__ __forceinline__ void dft<4>(float2 *v) {
    float2 even = v[0] + v[2], odd = v[1] + v[3], rest = v[0] - v[2], turn = turned(v[1] - v[3]);
    v[0] = even + odd;
    v[1] = rest + turn;
    v[2] = even - odd;
    v[3] = rest - turn;
}

template <> __device__ __forceinline__ void dft<5>(float2 *v) {
    const float c1 = 0.30901699437494742f, c2 = -0.80901699437494742f;
    const float s1 = 0.95105651629515357f, s2 = 0.58778525229247313f;
    float2 p1 = v[1] + v[4], p2 = v[2] + v[3], m1 = turned(v[1] - v[4]), m2 = turned(v[2] - v[3]);
    float2 r1 = v[0] + (c1 * p1 + c2 * p2), r2 = v[0] + (c2 * p1 + c1 * p2);
    float2 i1 = s1 * m1 + s2 * m2, i2 = s2 * m1 - s1 * m2;
    v[0] = v[0] + (p1 + p2);
    v[1] = r1 + i1;
    v[4] = r1 - i1;
    v[2] = r2 + i2;
    v[3] = r2 - i2;
}

template <> __device__ __forceinline__ void dft<7>(float2 *v) {
    const float c1 = 0.62348980185873353f, c2 = -0.22252093395631440f, c3 = -0.90096886790241913f;
    const float s1 = 0.78183148246802981f, s2 = 0.97492791218182361f, s3 = 0.43388373911755812f;
    float2 p1 = v[1] + v[6], p2 = v[2] + v[5], p3 = v[3] + v[4];
    float2 m1 = turned(v[1] - v[6]), m2 = turned(v[2] - v[5]), m3 = turned(v[3] - v[4]);
    float2 r1 = v[0] + (c1 * p1 + (c2 * p2 + c3 * p3));
    float2 r2 = v[0] + (c2 * p1 + (c3 * p2 + c1 * p3));
    float2 r3 = v[0] + (c3 * p1 + (c1 * p2 + c2 * p3));
    float2 i1 = s1 * m1 + (s2 * m2 + s3 * m3);
    float2 i2 = s2 * m1 - (s3 * m2 + s1 * m3);
    float2 i3 = s3 * m1 - (s1 * m2 - s2 * m3);
    v[0] = v[0] + (p1 + (p2 + p3));
    v[1] = r1 + i1;
    v[6] = r1 - i1;
    v[2] = r2 + i2;
    v[5] = r2 - i2;
    v[3] = r3 + i3;
    v[4] = r3 - i3;
}

template <> __device__ __forceinline__ void dft<8>(float2 *v) {
    const float half = 0.70710678118654752f;
    float2 even[4] = {v[0], v[2], v[4], v[6]}, odd[4] = {v[1], v[3], v[5], v[7]};
    dft<4>(even);
    dft<4>(odd);
    odd[1] = product(odd[1], make_float2(half, -half));
    odd[2] = turned(odd[2]);
    odd[3] = product(odd[3], make_float2(-half, -half));
#pragma unroll
    for (int at = 0; at < 4; at++) {
        v[at] = even[at] + odd[at];
        v[at + 4] = even[at] - odd[at];
    }
}

template <> __device__ __forceinline__ void dft<1>(float2 *) {}

// Turned by an angle of that cosine and sine, backwards.
__device__ __forceinline__ float2 turned_by(float2 value, float cosine, float sine) {
    return product(value, make_float2(cosine, -sine));
}

template <> __device__ __forceinline__ void dft<9>(float2 *v) {
    float2 thirds[3][3];
#pragma unroll
    for (int at = 0; at < 3; at++) {
#pragma unroll
        for (int part = 0; part < 3; part++) thirds[at][part] = v[at + 3 * part];
        dft<3>(thirds[at]);
    }
    thirds[1][1] = turned_by(thirds[1][1], 0.76604444311897804f, 0.64278760968653933f);
    thirds[1][2] = turned_by(thirds[1][2], 0.17364817766693035f, 0.98480775301220806f);
    thirds[2][1] = turned_by(thirds[2][1], 0.17364817766693035f, 0.98480775301220806f);
    thirds[2][2] = turned_by(thirds[2][2], -0.93969262078590838f, 0.34202014332566873f);
#pragma unroll
    for (int at = 0; at < 3; at++) {
        float2 parts[3] = {thirds[0][at], thirds[1][at], thirds[2][at]};
        dft<3>(parts);
#pragma unroll
        for (int part = 0; part < 3; part++) v[at + 3 * part] = parts[part];
    }
}

template <> __device__ __forceinline__ void dft<16>(float2 *v) {
    const float c = 0.92387953251128676f, s = 0.38268343236508977f, h = 0.70710678118654752f;
    float2 quarters[4][4];
#pragma unroll
    for (int at = 0; at < 4; at++) {
#pragma unroll
        for (int part = 0; part < 4; part++) quarters[at][part] = v[at + 4 * part];
        dft<4>(quarters[at]);
    }
    quarters[1][1] = turned_by(quarters[1][1], c, s);
    quarters[1][2] = turned_by(quarters[1][2], h, h);
    quarters[1][3] = turned_by(quarters[1][3], s, c);
    quarters[2][1] = turned_by(quarters[2][1], h, h);
    quarters[2][2] = turned(quarters[2][2]);
    quarters[2][3] = turned_by(quarters[2][3], -h, h);
    quarters[3][1] = turned_by(quarters[3][1], s, c);
    quarters[3][2] = turned_by(quarters[3][2], -h, h);
    quarters[3][3] = turned_by(quarters[3][3], -c, -s);
#pragma unroll
    for (int at = 0; at < 4; at++) {
        float2 parts[4] = {quarters[0][at], quarters[1][at], quarters[2][at], quarters[3][at]};
        dft<4>(parts);
#pragma unroll
        for (int part = 0; part < 4; part++) v[at + 4 * part] = parts[part];
    }
}

// Of A B samples where A and B have no divisor in common: without twiddles (Good 1958). `a` is 1 modulo A and 0
// modulo B, `b` the other way round.
template <int A, int B, int a, int b> __device__ __forceinline__ void coprime(float2 *v) {
    static_assert(a % A == 1 && a % B == 0 && b % B == 1 && b % A == 0, "");
    float2 rows[B][A];
#pragma unroll
    for (int row = 0; row < B; row++) {
#pragma unroll
        for (int at = 0; at < A; at++) rows[row][at] = v[(B * at + A * row) % (A * B)];
        dft<A>(rows[row]);
    }
#pragma unroll
    for (int at = 0; at < A; at++) {
        float2 column[B];
#pragma unroll
        for (int row = 0; row < B; row++) column[row] = rows[row][at];
        dft<B>(column);
#pragma unroll
        for (int row = 0; row < B; row++) v[(a * at + b * row) % (A * B)] = column[row];
    }
}
template <> __device__ __forceinline__ void dft<6>(float2 *v) { coprime<2, 3, 3, 4>(v); }
template <> __device__ __forceinline__ void dft<10>(float2 *v) { coprime<2, 5, 5, 6>(v); }
template <> __device__ __forceinline__ void dft<12>(float2 *v) { coprime<4, 3, 9, 4>(v); }
template <> __device__ __forceinline__ void dft<14>(float2 *v) { coprime<2, 7, 7, 8>(v); }
