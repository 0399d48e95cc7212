/* How trees are read and grown: what `row` and `climb` of `streams/domain/learner/plain.py` and all of
 * `streams/domain/learner/sums.py` do, to the bit.
 *
 * Whatever the arrays hold, a climb ends: a child comes after its parent, or it is an error.
 */
#include "learner.h"

enum { WIDEST = 64, ARRAYS = 6, NUMBERS = 33, BINS = 64 };
static const double TEXT = 0x1p100, HUGEST = 0x1p99, RIDGE = 1.0, LEAST = 1.0;

/* row(values, slots, out) */
PyObject *row(PyObject *self, PyObject *const *given, Py_ssize_t count) {
    (void)self;
    if (count != 3 || !PyTuple_Check(given[0])) return PyErr_SetString(PyExc_TypeError, "row: three, a tuple first"), NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(given[0]);
    Py_buffer v[2];
    if (borrow(given[1], &v[0], n, 4, PyBUF_SIMPLE) < 0) return NULL;
    if (borrow(given[2], &v[1], 0, 4, PyBUF_WRITABLE) < 0) return give_back(v, 1), NULL;
    const uint32_t *slots = v[0].buf;
    float *out = v[1].buf;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *value = PyTuple_GET_ITEM(given[0], i);
        if ((Py_ssize_t)slots[i] >= v[1].len / 4) continue;
        if (PyUnicode_Check(value)) {
            uint64_t hash;
            if (hashed(value, &hash) < 0) return give_back(v, 2), NULL;
            out[slots[i]] = (float)(TEXT * (1.0 + (double)(hash >> 41) / 0x1p23));
        } else {
            double x = number(value);
            if (!isnan(x)) out[slots[i]] = (float)(x > HUGEST ? HUGEST : x < -HUGEST ? -HUGEST : x);
        }
    }
    give_back(v, 2);
    Py_RETURN_NONE;
}

/* climb(row, roots, splits, thresholds, children, values[, shares]) -> sum */
PyObject *climb(PyObject *self, PyObject *const *given, Py_ssize_t count) {
    (void)self;
    static const Py_ssize_t sizes[ARRAYS + 1] = {4, 4, 4, 4, 4, 8, 8};
    if (count < ARRAYS || count > ARRAYS + 1) return PyErr_SetString(PyExc_TypeError, "climb: six or seven"), NULL;
    Py_buffer v[ARRAYS + 1];
    for (int held = 0; held < count; held++) {
        Py_ssize_t nodes = held > 2 ? v[2].len / 4 : 0, need = held == 0 || held == ARRAYS ? WIDEST : nodes;
        int flags = held == ARRAYS ? PyBUF_WRITABLE : PyBUF_SIMPLE;
        if (borrow(given[held], &v[held], need, sizes[held], flags) < 0) return give_back(v, held), NULL;
    }
    const float *x = v[0].buf, *thresholds = v[3].buf;
    const int32_t *roots = v[1].buf, *splits = v[2].buf, *children = v[4].buf;
    const double *values = v[5].buf;
    double *shares = count > ARRAYS ? v[ARRAYS].buf : NULL, sum = 0.0;
    Py_ssize_t nodes = v[2].len / 4;
    for (Py_ssize_t tree = 0; tree < v[1].len / 4; tree++) {
        Py_ssize_t at = roots[tree];
        if (at < 0 || at >= nodes) goto bad;
        while (splits[at] >= 0) {
            Py_ssize_t child = children[at];
            if (splits[at] >= WIDEST || child <= at || child + 1 >= nodes) goto bad;
            double asked = (double)thresholds[at], is = (double)x[splits[at]];
            child += asked >= TEXT ? is != asked : is > asked;
            if (shares) shares[splits[at]] += values[child] - values[at];
            at = child;
        }
        sum += values[at];
    }
    give_back(v, (int)count);
    return PyFloat_FromDouble(sum);
bad:
    give_back(v, (int)count);
    PyErr_SetString(PyExc_IndexError, "climb: a node");
    return NULL;
}

/* join(points, slots, shares, of_points, of_shares) */
PyObject *join(PyObject *self, PyObject *const *given, Py_ssize_t count) {
    (void)self;
    if (count != 5) return PyErr_SetString(PyExc_TypeError, "join: five"), NULL;
    double of_points = PyFloat_AsDouble(given[3]), of_shares = PyFloat_AsDouble(given[4]);
    if (PyErr_Occurred()) return NULL;
    Py_buffer v[3];
    if (borrow(given[1], &v[0], 0, 4, PyBUF_SIMPLE) < 0) return NULL;
    if (borrow(given[0], &v[1], v[0].len / 4, 8, PyBUF_WRITABLE) < 0) return give_back(v, 1), NULL;
    if (borrow(given[2], &v[2], 0, 8, PyBUF_SIMPLE) < 0) return give_back(v, 2), NULL;
    const uint32_t *slots = v[0].buf;
    double *points = v[1].buf;
    const double *shares = v[2].buf;
    for (Py_ssize_t at = 0; at < v[0].len / 4; at++) {
        double share = (Py_ssize_t)slots[at] < v[2].len / 8 ? of_shares * shares[slots[at]] : 0.0;
        points[at] = of_points * points[at] + share;
    }
    give_back(v, 3);
    Py_RETURN_NONE;
}

/* tally(codes, rows, slopes, curves, out_slopes, out_curves): of so many fields as `codes` has in a row of `slopes` */
PyObject *tally(PyObject *self, PyObject *const *given, Py_ssize_t count) {
    (void)self;
    static const Py_ssize_t sizes[] = {1, 8, 8, 8, 8, 8};
    Py_buffer v[6];
    if (count != 6) return PyErr_SetString(PyExc_TypeError, "tally: six"), NULL;
    for (int held = 0; held < 6; held++) {
        int flags = held > 3 ? PyBUF_WRITABLE : PyBUF_SIMPLE;
        if (borrow(given[held], &v[held], 0, sizes[held], flags) < 0) return give_back(v, held), NULL;
    }
    const uint8_t *codes = v[0].buf;
    const int64_t *rows = v[1].buf;
    const double *slopes = v[2].buf, *curves = v[3].buf;
    double *first = v[4].buf, *second = v[5].buf;
    Py_ssize_t all = v[2].len / 8, fields = v[4].len / (8 * BINS);
    int sound = v[3].len == v[2].len && v[5].len == v[4].len && v[0].len == all * fields;
    for (Py_ssize_t at = 0; sound && at < v[1].len / 8; at++) {
        sound = rows[at] >= 0 && rows[at] < all;
        for (Py_ssize_t field = 0; sound && field < fields; field++) {
            Py_ssize_t cell = BINS * field + (codes[rows[at] * fields + field] & (BINS - 1));
            first[cell] += slopes[rows[at]];
            second[cell] += curves[rows[at]];
        }
    }
    give_back(v, 6);
    if (sound) Py_RETURN_NONE;
    return PyErr_SetString(PyExc_ValueError, "tally: rows"), NULL;
}

/* split(slopes, curves, usable) -> (gain, cell, slope and curve to the left, and to the right) */
PyObject *split(PyObject *self, PyObject *const *given, Py_ssize_t count) {
    (void)self;
    Py_buffer v[3];
    if (count != 3) return PyErr_SetString(PyExc_TypeError, "split: three"), NULL;
    if (borrow(given[0], &v[0], BINS, 8, PyBUF_SIMPLE) < 0) return NULL;
    if (borrow(given[1], &v[1], v[0].len / 8, 8, PyBUF_SIMPLE) < 0) return give_back(v, 1), NULL;
    if (borrow(given[2], &v[2], v[0].len / 8, 1, PyBUF_SIMPLE) < 0) return give_back(v, 2), NULL;
    const double *slopes = v[0].buf, *curves = v[1].buf;
    const char *usable = v[2].buf;
    double slope = 0.0, curve = 0.0, most = 0.0, left[2] = {0.0, 0.0};
    Py_ssize_t best = 0;
    for (int bin = 0; bin < BINS; bin++) slope += slopes[bin], curve += curves[bin];
    double whole = slope * slope / (curve + RIDGE);
    for (Py_ssize_t at = 0; at + BINS <= v[0].len / 8; at += BINS) {
        double before = 0.0, under = 0.0;
        for (int bin = 0; bin < BINS; bin++) {
            Py_ssize_t cell = at + bin;
            before = bin < NUMBERS ? before + slopes[cell] : slopes[cell];
            under = bin < NUMBERS ? under + curves[cell] : curves[cell];
            double after = slope - before, over = curve - under;
            if (!usable[cell] || under < LEAST || over < LEAST) continue;
            double gain = before * before / (under + RIDGE) + after * after / (over + RIDGE) - whole;
            if (gain > most) most = gain, best = cell, left[0] = before, left[1] = under;
        }
    }
    give_back(v, 3);
    return Py_BuildValue("dndddd", most, best, left[0], left[1], slope - left[0], curve - left[1]);
}
