/* Bytes out of a record. */
#include "avro.h"

/* What has been written: in `first` as long as it has room, then on the heap. */
struct out {
    char *bytes;
    size_t size, room;
    char first[ROOM];
};

/* Where `more` bytes may be written; NULL with an exception. */
static char *room_for(struct out *out, size_t more) {
    if (out->room - out->size < more) {
        size_t room = 2 * out->room > out->size + more ? 2 * out->room : out->size + more;
        char *bytes = PyMem_Realloc(out->bytes == out->first ? NULL : out->bytes, room);
        if (!bytes) return (char *)PyErr_NoMemory();
        if (out->bytes == out->first) memcpy(bytes, out->first, out->size);
        out->bytes = bytes;
        out->room = room;
    }
    char *at = out->bytes + out->size;
    out->size += more;
    return at;
}

static int write_long(struct out *out, int64_t value) {
    uint64_t rest = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    char bytes[10];
    size_t count = 0;
    for (; rest > 0x7F; rest >>= 7) bytes[count++] = (char)(rest | 0x80);
    bytes[count++] = (char)rest;
    char *at = room_for(out, count);
    if (!at) return -1;
    memcpy(at, bytes, count);
    return 0;
}

static int write_sized(struct out *out, const void *bytes, Py_ssize_t size) {
    char *at;
    if (write_long(out, size) < 0 || !(at = room_for(out, (size_t)size))) return -1;
    memcpy(at, bytes, (size_t)size);
    return 0;
}

static int write_byte(struct out *out, char byte) {
    char *at = room_for(out, 1);
    return at ? (*at = byte, 0) : -1;
}

static int write_text(struct out *out, PyObject *text) {
    Py_ssize_t size;
    const char *bytes = PyUnicode_AsUTF8AndSize(text, &size);
    return bytes ? write_sized(out, bytes, size) : -1;
}

static int write_value(struct out *out, const struct node *node, PyObject *value);

static int write_items(struct out *out, const struct node *node, PyObject *many) {
    Py_ssize_t size = PyObject_Size(many), at = 0;
    if (size < 0) return -1;
    if (size && write_long(out, size) < 0) return -1;
    if (node->kind == MAP) {
        PyObject *key, *item;
        if (!PyDict_Check(many)) return PyErr_SetString(PyExc_TypeError, "a map is a dict"), -1;
        while (PyDict_Next(many, &at, &key, &item))
            if (write_text(out, key) < 0 || write_value(out, node->inner, item) < 0) return -1;
        return write_byte(out, 0);
    }
    if (!PyList_Check(many)) return PyErr_SetString(PyExc_TypeError, "an array is a list"), -1;
    for (; at < size && at < PyList_GET_SIZE(many); at++)
        if (write_value(out, node->inner, PyList_GET_ITEM(many, at)) < 0) return -1;
    return write_byte(out, 0);
}

static int write_value(struct out *out, const struct node *node, PyObject *value) {
    switch (node->kind) {
    case BOOLEAN: {
        int truth = PyObject_IsTrue(value);
        return truth < 0 ? -1 : write_byte(out, (char)truth);
    }
    case LONG: {
        int overflow;
        long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
        if (overflow) return PyErr_SetString(PyExc_OverflowError, "an Avro long has 64 bits"), -1;
        return number == -1 && PyErr_Occurred() ? -1 : write_long(out, number);
    }
    case DOUBLE: {
        double number = PyFloat_AsDouble(value);
        if (number == -1.0 && PyErr_Occurred()) return -1;
        char *at = room_for(out, 8);
        return at ? PyFloat_Pack8(number, at, 1) : -1;
    }
    case BYTES: {
        Py_buffer raw;
        if (PyObject_GetBuffer(value, &raw, PyBUF_SIMPLE) < 0) return -1;
        int wrote = write_sized(out, raw.buf, raw.len);
        PyBuffer_Release(&raw);
        return wrote;
    }
    case STRING:
    case ENUM: /* our enums are texts */
        return write_text(out, value);
    case OPTIONAL:
        if (value == Py_None) return write_byte(out, 0);
        return write_byte(out, 2) < 0 ? -1 : write_value(out, node->inner, value);
    case ARRAY:
    case MAP:
        return write_items(out, node, value);
    case RECORD:
        for (Py_ssize_t i = 0; i < node->count; i++) {
            PyMemberDef *slot = Py_IS_TYPE(value, (PyTypeObject *)node->kept) ? node->inner[i].slot : NULL;
            PyObject *field = slot ? PyMember_GetOne((const char *)value, slot)
                                   : PyObject_GetAttr(value, PyTuple_GET_ITEM(node->names, i));
            int wrote = field ? write_value(out, &node->inner[i], field) : -1;
            Py_XDECREF(field);
            if (wrote < 0) return -1;
        }
        return 0;
    default:
        return PyErr_SetString(PyExc_SystemError, "not a plan"), -1;
    }
}
