/* The arithmetic of the lead classifier: what `streams/domain/learner/plain.py` does in Python, to the bit, for where a
 * C compiler was found. What each function computes is told there; nothing here keeps anything between calls.
 *
 * To the bit: sums run in one order, products are not fused (-ffp-contract=off), exp and log are the ones Python calls.
 * Every buffer's size is checked before it is used, and every index against the size of the table.
 */
#include "learner.h"

enum { PAIRED = 64, FIELDS = 256, EXPERTS = 8, PLACES = 3, HEAD = 3, STATS = 3 };
static const uint64_t P1 = 0x9E3779B97F4A7C15u, P2 = 0xC2B2AE3D27D4EB4Fu;
static const uint64_t SLOPE = 0x5851F42D4C957F2Du, MISSING = 0x14057B7EF767814Fu, BAND = 0x2545F4914F6CDD1Du;
static const double CLIP = 4.0, BANDS = 2.0, SETTLED = 30.0, USUAL = 15.0;
static const double FAR = 30.0, RARE = 1e-6, KEPT = 0.999, SHARED = 0.02, SHRINK = 0.01;

static uint64_t mixed(uint64_t t) {
    t *= P1;
    t ^= t >> 29;
    t *= P2;
    return t ^ (t >> 32);
}

/* Where a hash falls in a part of the table: the slopes', the words', or that of bins and pairs */

struct part { uint64_t from, room; };

static uint32_t within(uint64_t hash, struct part of) { return (uint32_t)(of.from + ((hash >> 32) * of.room >> 32)); }

/* How many coordinates a lead with `n` features has; how many of those are paired */

static Py_ssize_t pairing(Py_ssize_t n) { return n < PAIRED ? n : PAIRED; }

static Py_ssize_t coordinates(Py_ssize_t n) { return PLACES * n + pairing(n) * (pairing(n) - 1) / 2; }

/* Where things lie in a table of so many cells */

struct layout { struct part slopes, words, others; };

static struct layout laid_out(long bits) {
    uint64_t size = (uint64_t)1 << bits;
    return (struct layout){{0, size >> 4}, {size >> 4, (size >> 2) - (size >> 4)}, {size >> 2, size - (size >> 2)}};
}

/* One feature's token, mixed, and the indices and factors of its PLACES coordinates; -1 with an error set */
static int read_feature(PyObject *value, uint64_t seed, uint32_t slot, const double *stats, Py_ssize_t known, const struct layout *in,
                        uint64_t *token, uint32_t *index, double *factor) {
    uint64_t of = MISSING, band = BAND;
    double z = 0.0, banded = 0.0;
    struct part its = in->words;
    if (PyUnicode_Check(value)) {
        if (hashed(value, &of) < 0) return -1;
    } else {
        double x = number(value);
        if (!isnan(x)) {
            int64_t raw;
            memcpy(&raw, &x, 8);
            of = (uint64_t)(raw >> 51);
            its = in->others;
            if ((Py_ssize_t)slot < known) {
                const double *s = stats + STATS * slot;
                if (s[0] > 1.0 && s[2] > 0.0) {
                    z = (x - s[1]) / sqrt(s[2] / s[0]);
                    z = z > CLIP ? CLIP : z < -CLIP ? -CLIP : z;
                }
                if (s[0] >= SETTLED) {
                    band += (uint64_t)(int64_t)floor(z * BANDS);
                    banded = 1.0;
                }
            }
        }
    }
    *token = mixed(of + seed);
    index[0] = within(mixed(seed + SLOPE), in->slopes);
    factor[0] = z;
    index[1] = within(*token, its);
    factor[1] = 1.0;
    index[2] = within(mixed(seed + band), in->others);
    factor[2] = banded;
    return 0;
}

/* encode(values, seeds, slots, stats, bits, indices, factors) */
static PyObject *encode(PyObject *self, PyObject *const *given, Py_ssize_t count) {
    (void)self;
    if (count != 7 || !PyTuple_Check(given[0])) return PyErr_SetString(PyExc_TypeError, "encode: seven, a tuple first"), NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(given[0]), paired = pairing(n), room = coordinates(n);
    long bits = PyLong_AsLong(given[4]);
    if (bits < 1 || bits > 24) return PyErr_Occurred() ? NULL : (PyErr_SetString(PyExc_ValueError, "bits"), NULL);
    Py_buffer v[5];
    int held = 0;
    if (borrow(given[1], &v[0], n, 8, PyBUF_SIMPLE) < 0) return NULL;
    held++;
    if (borrow(given[2], &v[1], n, 4, PyBUF_SIMPLE) < 0) goto bad;
    held++;
    if (borrow(given[3], &v[2], 0, 8, PyBUF_SIMPLE) < 0) goto bad;
    held++;
    if (borrow(given[5], &v[3], room, 4, PyBUF_WRITABLE) < 0) goto bad;
    held++;
    if (borrow(given[6], &v[4], room, 8, PyBUF_WRITABLE) < 0) goto bad;
    held++;
    const uint64_t *seeds = v[0].buf;
    const uint32_t *slots = v[1].buf;
    const double *stats = v[2].buf;
    Py_ssize_t known = v[2].len / (8 * STATS), m = PLACES * n;
    uint32_t *indices = v[3].buf;
    double *factors = v[4].buf;
    uint64_t tokens[PAIRED], token;
    struct layout in = laid_out(bits);
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *value = PyTuple_GET_ITEM(given[0], i);
        if (read_feature(value, seeds[i], slots[i], stats, known, &in, &token, indices + PLACES * i, factors + PLACES * i) < 0) goto bad;
        if (i < PAIRED) tokens[i] = token;
    }
    for (Py_ssize_t i = 0; i < paired; i++) {
        for (Py_ssize_t j = i + 1; j < paired; j++, m++) {
            indices[m] = within(mixed(tokens[i] * P1 + tokens[j]), in.others);
            factors[m] = 1.0;
        }
    }
    give_back(v, held);
    Py_RETURN_NONE;
bad:
    give_back(v, held);
    return NULL;
}

/* observe(values, slots, stats) */
static PyObject *observe(PyObject *self, PyObject *const *given, Py_ssize_t count) {
    (void)self;
    if (count != 3 || !PyTuple_Check(given[0])) return PyErr_SetString(PyExc_TypeError, "observe: three, a tuple first"), NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(given[0]);
    Py_buffer v[2];
    if (borrow(given[1], &v[0], n, 4, PyBUF_SIMPLE) < 0) return NULL;
    if (borrow(given[2], &v[1], 0, 8, PyBUF_WRITABLE) < 0) return give_back(v, 1), NULL;
    const uint32_t *slots = v[0].buf;
    double *stats = v[1].buf;
    Py_ssize_t known = v[1].len / (8 * STATS);
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *value = PyTuple_GET_ITEM(given[0], i);
        if (PyUnicode_Check(value) || (Py_ssize_t)slots[i] >= known) continue;
        double x = number(value);
        if (isnan(x)) continue;
        double *s = stats + STATS * slots[i], away = x - s[1];
        s[0] += 1.0;
        s[1] += away / s[0];
        s[2] += away * (x - s[1]);
    }
    give_back(v, 2);
    Py_RETURN_NONE;
}

/* points(rows, seeds, slots, stats, bits, weights, points): each feature's share of the log-odds, row by row */
static PyObject *points(PyObject *self, PyObject *const *given, Py_ssize_t count) {
    (void)self;
    if (count != 7 || !PyTuple_Check(given[0])) return PyErr_SetString(PyExc_TypeError, "points: seven, a tuple first"), NULL;
    Py_ssize_t rows = PyTuple_GET_SIZE(given[0]), n = rows ? -1 : 0;
    for (Py_ssize_t r = 0; r < rows; r++) {
        PyObject *row = PyTuple_GET_ITEM(given[0], r);
        Py_ssize_t size = PyTuple_Check(row) ? PyTuple_GET_SIZE(row) : FIELDS + 1;
        if (size > FIELDS || (r && size != n)) return PyErr_SetString(PyExc_ValueError, "points: rows"), NULL;
        n = size;
    }
    long bits = PyLong_AsLong(given[4]);
    if (bits < 4 || bits > 24) return PyErr_Occurred() ? NULL : (PyErr_SetString(PyExc_ValueError, "bits"), NULL);
    Py_buffer v[5];
    int held = 0;
    if (borrow(given[1], &v[0], n, 8, PyBUF_SIMPLE) < 0) return NULL;
    held++;
    if (borrow(given[2], &v[1], n, 4, PyBUF_SIMPLE) < 0) goto bad;
    held++;
    if (borrow(given[3], &v[2], 0, 8, PyBUF_SIMPLE) < 0) goto bad;
    held++;
    if (borrow(given[5], &v[3], (Py_ssize_t)1 << bits, 4, PyBUF_SIMPLE) < 0) goto bad;
    held++;
    if (borrow(given[6], &v[4], rows * n, 8, PyBUF_WRITABLE) < 0) goto bad;
    held++;
    const uint64_t *seeds = v[0].buf;
    const uint32_t *slots = v[1].buf;
    const double *stats = v[2].buf;
    const float *weights = v[3].buf;
    double *out = v[4].buf;
    Py_ssize_t known = v[2].len / (8 * STATS), paired = pairing(n);
    uint64_t tokens[FIELDS];
    struct layout in = laid_out(bits);
    for (Py_ssize_t r = 0; r < rows; r++, out += n) {
        PyObject *row = PyTuple_GET_ITEM(given[0], r);
        for (Py_ssize_t i = 0; i < n; i++) {
            uint32_t index[PLACES];
            double factor[PLACES], of = 0.0;
            if (read_feature(PyTuple_GET_ITEM(row, i), seeds[i], slots[i], stats, known, &in, &tokens[i], index, factor) < 0) goto bad;
            for (int at = 0; at < PLACES; at++) of += (double)weights[index[at]] * factor[at];
            out[i] = of;
        }
        for (Py_ssize_t i = 0; i < paired; i++) {
            uint64_t one = tokens[i] * P1;
            for (Py_ssize_t j = i + 1; j < paired; j++) {
                double half = 0.5 * (double)weights[within(mixed(one + tokens[j]), in.others)];
                out[i] += half;
                out[j] += half;
            }
        }
    }
    give_back(v, held);
    Py_RETURN_NONE;
bad:
    give_back(v, held);
    return NULL;
}

struct pool { /* borrowed buffers of one call on a pool of experts */
    Py_buffer views[4];
    Py_ssize_t features, m;
    int experts;
    const uint32_t *indices;
    const double *factors;
    float *table;
    double *head;
};

/* (indices, factors, features, table, head): the table holds, per cell, each expert's weight, then each one's spent */
static int open_pool(struct pool *p, PyObject *const *given, int flags) {
    p->features = PyLong_AsSsize_t(given[2]);
    if (p->features == -1 && PyErr_Occurred()) return -1;
    if (p->features < 0 || p->features > FIELDS) return PyErr_SetString(PyExc_ValueError, "features"), -1;
    p->m = coordinates(p->features);
    if (borrow(given[0], &p->views[0], p->m, 4, PyBUF_SIMPLE) < 0) return -1;
    if (borrow(given[1], &p->views[1], p->m, 8, PyBUF_SIMPLE) < 0) return give_back(p->views, 1), -1;
    if (borrow(given[3], &p->views[2], 1, 4, flags) < 0) return give_back(p->views, 2), -1;
    if (borrow(given[4], &p->views[3], HEAD, 8, flags) < 0) return give_back(p->views, 3), -1;
    p->indices = p->views[0].buf;
    p->factors = p->views[1].buf;
    p->table = p->views[2].buf;
    p->head = p->views[3].buf;
    p->experts = (int)(p->views[3].len / (8 * HEAD));
    Py_ssize_t cells = p->experts > 0 ? p->views[2].len / (8 * p->experts) : 0;
    int sound = p->experts >= 1 && p->experts <= EXPERTS;
    for (Py_ssize_t j = 0; sound && j < p->m; j++) sound = (Py_ssize_t)p->indices[j] < cells;
    if (sound) return 0;
    give_back(p->views, 4);
    PyErr_SetString(PyExc_ValueError, "experts or indices");
    return -1;
}

static void logits(const struct pool *p, double *out) {
    int k = p->experts;
    for (int e = 0; e < k; e++) out[e] = p->head[e];
    for (Py_ssize_t j = 0; j < p->m; j++) {
        const float *cell = p->table + (Py_ssize_t)p->indices[j] * 2 * k;
        for (int e = 0; e < k; e++) out[e] += (double)cell[e] * p->factors[j];
    }
    for (int e = 0; e < k; e++) out[e] = out[e] > FAR ? FAR : out[e] < -FAR ? -FAR : out[e];
}

/* blend(indices, factors, features, table, head) -> logit */
static PyObject *blend(PyObject *self, PyObject *const *given, Py_ssize_t count) {
    (void)self;
    struct pool p;
    if (count != 5) return PyErr_SetString(PyExc_TypeError, "blend: five"), NULL;
    if (open_pool(&p, given, PyBUF_SIMPLE) < 0) return NULL;
    double each[EXPERTS], sum = 0.0;
    logits(&p, each);
    for (int e = 0; e < p.experts; e++) sum += p.head[2 * p.experts + e] * each[e];
    give_back(p.views, 4);
    return PyFloat_FromDouble(sum);
}

static double moved(double margin, double reach) {
    double start = exp(margin), total = margin + start + reach;
    double at = reach < 1.0 ? margin + reach / (1.0 + start) : total > 1.0 ? log(total) : total;
    for (int k = 0; k < 16; k++) {
        double grown = exp(at), step = (at + grown - total) / (1.0 + grown);
        at -= step;
        if (fabs(step) < 1e-11) break;
    }
    return at - margin;
}

/* step(indices, factors, features, table, head, rates, pairs, base_rate, spent, label, weight) */
static PyObject *step(PyObject *self, PyObject *const *given, Py_ssize_t count) {
    (void)self;
    struct pool p;
    if (count != 11) return PyErr_SetString(PyExc_TypeError, "step: eleven"), NULL;
    double base = PyFloat_AsDouble(given[7]), begun = PyFloat_AsDouble(given[8]), weight = PyFloat_AsDouble(given[10]);
    int label = PyObject_IsTrue(given[9]);
    if (PyErr_Occurred()) return NULL;
    if (open_pool(&p, given, PyBUF_WRITABLE) < 0) return NULL;
    Py_buffer own[2];
    if (borrow(given[5], &own[0], p.experts, 8, PyBUF_SIMPLE) < 0) return give_back(p.views, 4), NULL;
    if (borrow(given[6], &own[1], p.experts, 8, PyBUF_SIMPLE) < 0) return give_back(own, 1), give_back(p.views, 4), NULL;
    const double *rates = own[0].buf, *pairs = own[1].buf;
    Py_ssize_t first = PLACES * p.features, others = pairing(p.features) > 1 ? pairing(p.features) - 1 : 1;
    double shorter = p.features ? sqrt(USUAL / (double)p.features) : 1.0;
    int k = p.experts;
    double each[EXPERTS], *bias = p.head, *losses = p.head + k, *shares = p.head + 2 * k, best = -INFINITY, sum = 0.0;
    logits(&p, each);
    double *reach = PyMem_Malloc((size_t)(p.m + 1) * sizeof(double));
    if (!reach) return give_back(own, 2), give_back(p.views, 4), PyErr_NoMemory();
    double told = weight < 1.0 ? weight * weight * weight * weight : weight, kept = pow(KEPT, told);
    for (int e = 0; e < k; e++) {
        double right = 1.0 / (1.0 + exp(label ? -each[e] : each[e]));
        losses[e] = kept * losses[e] + told * log(right < RARE ? RARE : right);
        best = losses[e] > best ? losses[e] : best;
    }
    for (int e = 0; e < k; e++) {
        shares[e] = exp(losses[e] - best);
        sum += shares[e];
    }
    for (int e = 0; e < k; e++) shares[e] = (1.0 - SHARED * k) * (shares[e] / sum) + SHARED;
    for (int e = 0; e < k; e++) {
        double margin = label ? each[e] : -each[e], wrong = 1.0 / (1.0 + exp(margin)), total = base;
        double of_one = rates[e] * shorter, of_pair = of_one * (pairs[e] / (double)others);
        int straight = pairs[e] == 0.0;
        Py_ssize_t places = straight ? first : p.m;
        for (Py_ssize_t j = 0; j < places; j++) {
            reach[j] = 0.0;
            if (p.factors[j] == 0.0 || (straight && j % PLACES && p.factors[j - j % PLACES] != 0.0)) continue;
            float *cell = p.table + (Py_ssize_t)p.indices[j] * 2 * k;
            double slope = wrong * p.factors[j], spent = (double)cell[k + e] + slope * slope * weight;
            cell[k + e] = (float)spent;
            reach[j] = (j < first ? of_one : of_pair) / sqrt(begun + spent);
            total += reach[j] * (p.factors[j] * p.factors[j]);
        }
        total *= weight;
        double by = total > 0.0 ? moved(margin, total) / total * weight : 0.0;
        by = label ? by : -by;
        for (Py_ssize_t j = 0; j < places; j++) {
            float *cell = p.table + (Py_ssize_t)p.indices[j] * 2 * k;
            cell[e] = (float)((double)cell[e] * (1.0 - SHRINK * reach[j]) + reach[j] * p.factors[j] * by);
        }
        bias[e] += base * by;
    }
    PyMem_Free(reach);
    give_back(own, 2);
    give_back(p.views, 4);
    Py_RETURN_NONE;
}

/* fold(table, head, weights) */
static PyObject *fold(PyObject *self, PyObject *const *given, Py_ssize_t count) {
    (void)self;
    if (count != 3) return PyErr_SetString(PyExc_TypeError, "fold: three"), NULL;
    Py_buffer v[3];
    if (borrow(given[0], &v[0], 0, 4, PyBUF_SIMPLE) < 0) return NULL;
    if (borrow(given[1], &v[1], HEAD, 8, PyBUF_SIMPLE) < 0) return give_back(v, 1), NULL;
    Py_ssize_t k = v[1].len / (8 * HEAD), cells = v[0].len / (8 * k);
    if (borrow(given[2], &v[2], cells, 4, PyBUF_WRITABLE) < 0) return give_back(v, 2), NULL;
    const float *table = v[0].buf;
    const double *shares = (const double *)v[1].buf + 2 * k;
    float *weights = v[2].buf;
    for (Py_ssize_t i = 0; i < cells; i++) {
        double sum = 0.0;
        for (Py_ssize_t e = 0; e < k; e++) sum += shares[e] * (double)table[2 * k * i + e];
        weights[i] = (float)sum;
    }
    give_back(v, 3);
    Py_RETURN_NONE;
}

#define FAST(name) {#name, (PyCFunction)(void (*)(void))name, METH_FASTCALL, "See streams/domain/learner/plain.py."}
static PyMethodDef methods[] = {FAST(encode), FAST(observe), FAST(points), FAST(blend), FAST(step), FAST(fold), FAST(row), FAST(climb), FAST(join), FAST(tally), FAST(split), {NULL, NULL, 0, NULL}};
static PyModuleDef_Slot phases[] = {{0, NULL}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", "The lead classifier's arithmetic.", 0, methods, phases, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&module); }
