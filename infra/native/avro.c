/* Avro to records and back, driven by a plan: what `schemas/source.py` does in Python, for where a C compiler was found.
 * A plan is a tuple that `schemas/native.py` makes from a schema: (BOOLEAN,), (LONG,), (DOUBLE,), (BYTES,), (STRING,),
 * (ENUM, {text: member}, field), (OPTIONAL, plan), (ARRAY, plan), (MAP, plan), (RECORD, class, names, plans).
 *
 * What is read may be anything: every size is compared with the bytes there are before it is used, nothing is allocated
 * for a count that is only claimed, every item takes at least one byte, and positions only grow.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <structmember.h>
#include <string.h>

enum kind { BOOLEAN, LONG, DOUBLE, BYTES, STRING, ENUM, OPTIONAL, ARRAY, MAP, RECORD, KINDS };
enum { FIELDS = 64, ROOM = 1024 };

struct node {
    enum kind kind;
    Py_ssize_t count;       /* of a record's fields, else of what is inside: 0 or 1 */
    struct node *inner;
    PyObject *kept;         /* borrowed from the plan: a record's class, an enum's members */
    PyObject *names;        /* borrowed too: a record's field names, an enum's field */
    PyMemberDef *slot;      /* where the record around it keeps it: its class's; NULL when only its name is known */
};

typedef struct {
    PyObject_HEAD
    PyObject *plan;         /* owns whatever the nodes borrow */
    PyObject *unknown;      /* called with a field's name, when an enum has no such member: raises */
    struct node root;
} Coder;

/* Plans */

static void drop(struct node *node) {
    for (Py_ssize_t i = 0; i < node->count; i++) drop(&node->inner[i]);
    PyMem_Free(node->inner);
    node->inner = NULL;
    node->count = 0;
}

static PyMemberDef *slot_of(PyObject *class, PyObject *name) {
    PyObject *found = PyObject_GetAttr(class, name);
    if (!found) return PyErr_Clear(), NULL;
    PyMemberDef *slot = Py_IS_TYPE(found, &PyMemberDescr_Type) ? ((PyMemberDescrObject *)found)->d_member : NULL;
    Py_DECREF(found); /* its class keeps it */
    return slot;
}

static int grow(struct node *node, PyObject *plan, int depth) {
    memset(node, 0, sizeof *node);
    if (!PyTuple_Check(plan) || PyTuple_GET_SIZE(plan) < 1 || depth > 32) goto bad;
    long kind = PyLong_AsLong(PyTuple_GET_ITEM(plan, 0));
    if (kind < 0 || kind >= KINDS) goto bad;
    static const Py_ssize_t sizes[KINDS] = {1, 1, 1, 1, 1, 3, 2, 2, 2, 4};
    if (PyTuple_GET_SIZE(plan) != sizes[kind]) goto bad;
    node->kind = (enum kind)kind;
    if (kind == ENUM) {
        node->kept = PyTuple_GET_ITEM(plan, 1);
        node->names = PyTuple_GET_ITEM(plan, 2);
        if (!PyDict_Check(node->kept)) goto bad;
        return 0;
    }
    if (kind < ENUM) return 0;
    PyObject *plans = NULL;
    Py_ssize_t count = 1;
    if (kind == RECORD) {
        node->kept = PyTuple_GET_ITEM(plan, 1);
        node->names = PyTuple_GET_ITEM(plan, 2);
        plans = PyTuple_GET_ITEM(plan, 3);
        if (!PyTuple_Check(node->names) || !PyTuple_Check(plans)) goto bad;
        count = PyTuple_GET_SIZE(plans);
        if (count < 1 || count > FIELDS || count != PyTuple_GET_SIZE(node->names)) goto bad;
    }
    node->inner = PyMem_Calloc((size_t)count, sizeof *node);
    if (!node->inner) return PyErr_NoMemory(), -1;
    node->count = count;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (grow(&node->inner[i], PyTuple_GET_ITEM(plans ? plans : plan, plans ? i : 1), depth + 1) < 0) return -1;
        if (kind == RECORD) node->inner[i].slot = slot_of(node->kept, PyTuple_GET_ITEM(node->names, i));
    }
    return 0;
bad:
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "not a plan");
    return -1;
}

/* Reading */

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

/* Writing */

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

/* What Python sees */

static PyObject *coder_read(Coder *self, PyObject *const *given, Py_ssize_t count) {
    if (count != 2 || !PyBytes_Check(given[0])) return PyErr_SetString(PyExc_TypeError, "read(bytes, start)"), NULL;
    Py_ssize_t start = PyLong_AsSsize_t(given[1]), size = PyBytes_GET_SIZE(given[0]);
    if (start == -1 && PyErr_Occurred()) return NULL;
    if (start < 0 || start > size) return short_of_bytes();
    const unsigned char *bytes = (const unsigned char *)PyBytes_AS_STRING(given[0]);
    struct bytes b = {bytes + start, bytes + size, self};
    PyObject *record = read_value(&b, &self->root);
    return record ? Py_BuildValue("(Nn)", record, (Py_ssize_t)(b.at - bytes)) : NULL;
}

static PyObject *coder_write(Coder *self, PyObject *const *given, Py_ssize_t count) {
    if (count != 2 || !PyBytes_Check(given[0])) return PyErr_SetString(PyExc_TypeError, "write(head, record)"), NULL;
    if (Py_TYPE(given[1]) != (PyTypeObject *)self->root.kept)
        return PyErr_SetString(PyExc_TypeError, "not a record of this coder's"), NULL;
    struct out out = {.bytes = out.first, .size = 0, .room = ROOM};
    PyObject *made = NULL;
    char *head = room_for(&out, (size_t)PyBytes_GET_SIZE(given[0]));
    if (head) {
        memcpy(head, PyBytes_AS_STRING(given[0]), (size_t)PyBytes_GET_SIZE(given[0]));
        if (write_value(&out, &self->root, given[1]) == 0)
            made = PyBytes_FromStringAndSize(out.bytes, (Py_ssize_t)out.size);
    }
    if (out.bytes != out.first) PyMem_Free(out.bytes);
    return made;
}

static PyObject *coder_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    PyObject *plan, *unknown;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "O!O", &PyTuple_Type, &plan, &unknown)) return NULL;
    Coder *self = (Coder *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    self->plan = Py_NewRef(plan);
    self->unknown = Py_NewRef(unknown);
    int grown = grow(&self->root, plan, 0);
    if (grown == 0 && self->root.kind == RECORD) return (PyObject *)self;
    if (grown == 0) PyErr_SetString(PyExc_TypeError, "not a record's plan");
    Py_DECREF(self);
    return NULL;
}

static void coder_free(Coder *self) {
    PyTypeObject *type = Py_TYPE(self);
    drop(&self->root);
    Py_XDECREF(self->plan);
    Py_XDECREF(self->unknown);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"read", (PyCFunction)(void (*)(void))coder_read, METH_FASTCALL, "The record that begins there, and where it ends."},
    {"write", (PyCFunction)(void (*)(void))coder_write, METH_FASTCALL, "The head, then the record's Avro."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot slots[] = {{Py_tp_new, coder_new}, {Py_tp_dealloc, coder_free}, {Py_tp_methods, methods}, {0, NULL}};
static PyType_Spec spec = {"schemas._avro.Coder", sizeof(Coder), 0, Py_TPFLAGS_DEFAULT, slots};

static int fill(PyObject *module) {
    PyObject *type = PyType_FromSpec(&spec);
    return type ? PyModule_AddType(module, (PyTypeObject *)type) : -1;
}

static PyModuleDef_Slot phases[] = {{Py_mod_exec, fill}, {0, NULL}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_avro", "Avro to records and back.", 0, NULL, phases, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__avro(void) { return PyModuleDef_Init(&module); }
