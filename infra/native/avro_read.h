/* A record out of bytes. They may be anything: every size is compared with the bytes there are before it is used, nothing
 * is allocated for a count that is only claimed, every item takes at least one byte, and positions only grow.
 */
#include "avro.h"

/* A record's bytes, and how far they have been read. */
struct bytes {
    const unsigned char *at, *end;
    Coder *coder;
};

static PyObject *short_of_bytes(void) {
    return PyErr_SetString(PyExc_IndexError, "the bytes end too early"), NULL;
}

static int read_long(struct bytes *b, int64_t *value) {
    uint64_t rest = 0;
    for (int shift = 0; shift <= 63; shift += 7) {
        if (b->at >= b->end) return short_of_bytes(), -1;
        unsigned char byte = *b->at++;
        if (shift == 63 && byte > 1) break; /* an eleventh byte, or a 65th bit */
        rest |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *value = (int64_t)(rest >> 1) ^ -(int64_t)(rest & 1);
            return 0;
        }
    }
    PyErr_SetString(PyExc_ValueError, "an Avro long has 64 bits");
    return -1;
}

/* The size of a text or of bytes, all of which are there; -1 with an exception. */
static Py_ssize_t read_size(struct bytes *b) {
    int64_t size;
    if (read_long(b, &size) < 0) return -1;
    if (size < 0) return PyErr_SetString(PyExc_ValueError, "a negative size"), -1;
    if (size > b->end - b->at) return short_of_bytes(), -1;
    return (Py_ssize_t)size;
}

static PyObject *read_text(struct bytes *b) {
    Py_ssize_t size = read_size(b);
    if (size < 0) return NULL;
    PyObject *text = PyUnicode_DecodeUTF8((const char *)b->at, size, NULL);
    b->at += size;
    return text;
}

static PyObject *read_value(struct bytes *b, const struct node *node);

static PyObject *read_member(struct bytes *b, const struct node *node) {
    Py_ssize_t size = read_size(b);
    if (size < 0) return NULL;
    PyObject *text = PyUnicode_DecodeUTF8((const char *)b->at, size, "replace"); /* then no member has it */
    if (!text) return NULL;
    b->at += size;
    PyObject *member = PyDict_GetItemWithError(node->kept, text);
    Py_DECREF(text);
    if (member) return Py_NewRef(member);
    return PyErr_Occurred() ? NULL : PyObject_CallOneArg(b->coder->unknown, node->names); /* it raises */
}

/* An array's or a map's blocks, up to the zero behind them. A negative count has the block's size after it. */
static PyObject *read_blocks(struct bytes *b, const struct node *node) {
    PyObject *made = node->kind == MAP ? PyDict_New() : PyList_New(0);
    if (!made) return NULL;
    for (;;) {
        if (b->at >= b->end && !short_of_bytes()) goto fail;
        if (*b->at == 0) break;
        int64_t count, size;
        if (read_long(b, &count) < 0 || (count < 0 && read_long(b, &size) < 0)) goto fail;
        for (uint64_t left = count < 0 ? -(uint64_t)count : (uint64_t)count; left; left--) {
            PyObject *key = NULL;
            if (node->kind == MAP && !(key = read_text(b))) goto fail;
            PyObject *item = read_value(b, node->inner);
            int failed = !item || (key ? PyDict_SetItem(made, key, item) : PyList_Append(made, item)) < 0;
            Py_XDECREF(key);
            Py_XDECREF(item);
            if (failed) goto fail;
        }
    }
    b->at++;
    return made;
fail:
    Py_DECREF(made);
    return NULL;
}

static PyObject *read_record(struct bytes *b, const struct node *node) {
    PyObject *fields[FIELDS], *record = NULL;
    Py_ssize_t count = 0;
    while (count < node->count && (fields[count] = read_value(b, &node->inner[count]))) count++;
    if (count == node->count) record = PyObject_Vectorcall(node->kept, fields, 0, node->names);
    while (count) Py_DECREF(fields[--count]);
    return record;
}

static PyObject *read_value(struct bytes *b, const struct node *node) {
    int64_t number;
    switch (node->kind) {
    case BOOLEAN:
        if (b->at >= b->end || *b->at > 1) return short_of_bytes();
        return PyBool_FromLong(*b->at++);
    case LONG:
        return read_long(b, &number) < 0 ? NULL : PyLong_FromLongLong(number);
    case DOUBLE: {
        if (b->end - b->at < 8) return short_of_bytes();
        double value = PyFloat_Unpack8((const char *)b->at, 1);
        if (value == -1.0 && PyErr_Occurred()) return NULL;
        b->at += 8;
        return PyFloat_FromDouble(value);
    }
    case BYTES: {
        Py_ssize_t size = read_size(b);
        if (size < 0) return NULL;
        PyObject *value = PyBytes_FromStringAndSize((const char *)b->at, size);
        b->at += size;
        return value;
    }
    case STRING:
        return read_text(b);
    case ENUM:
        return read_member(b, node);
    case OPTIONAL:
        if (b->at >= b->end) return short_of_bytes();
        if (*b->at == 0) return b->at++, Py_NewRef(Py_None);
        if (*b->at != 2) return PyErr_SetString(PyExc_ValueError, "no such branch"), NULL;
        b->at++;
        return read_value(b, node->inner);
    case ARRAY:
    case MAP:
        return read_blocks(b, node);
    case RECORD:
        return read_record(b, node);
    default:
        return PyErr_SetString(PyExc_SystemError, "not a plan"), NULL;
    }
}
