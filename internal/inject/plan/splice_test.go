// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gomodules.xyz/jsonpatch/v2"

	"github.com/pillion-dev/pillion/internal/jsonscan"
)

func TestSplice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ document, patch, want, err string }{
		"keeps every other byte as it is": {
			document: "{ \"a\" : 1.50 ,\n \"b\":{\"c\":[ 1 , 2 ]},\"d\":\"\\u00e9\\/\" }",
			patch:    `[{"op":"add","path":"/b/c/-","value":3}]`,
			want:     "{ \"a\" : 1.50 ,\n \"b\":{\"c\":[ 1 , 2,3 ]},\"d\":\"\\u00e9\\/\" }",
		},
		"adds to an empty object and an empty list": {
			document: `{"o":{ },"l":[ ]}`,
			patch:    `[{"op":"add","path":"/o/x","value":1},{"op":"add","path":"/o/y","value":2},{"op":"add","path":"/l/-","value":1},{"op":"add","path":"/l/-","value":2}]`,
			want:     `{"o":{"x":1,"y":2 },"l":[1,2 ]}`,
		},
		"sets a member that is there": {
			document: `{"a":null,"b":2}`,
			patch:    `[{"op":"add","path":"/a","value":[1]},{"op":"replace","path":"/b","value":3}]`,
			want:     `{"a":[1],"b":3}`,
		},
		"finds a member whose name is written with escapes": {
			document: `{"a\/b":{"\u0063":1}}`,
			patch:    `[{"op":"add","path":"/a~1b/c","value":2}]`,
			want:     `{"a\/b":{"\u0063":2}}`,
		},
		"inserts at the front, replaces and appends in one list": {
			document: `[{"n":0},{"n":1}]`,
			patch:    `[{"op":"replace","path":"/1","value":9},{"op":"add","path":"/0/m","value":5},{"op":"add","path":"/-","value":7},{"op":"add","path":"/0","value":3},{"op":"add","path":"/1","value":4}]`,
			want:     `[3,4,{"n":0,"m":5},9,7]`,
		},
		"inserts and appends in an empty list": {
			document: `[]`, patch: `[{"op":"add","path":"/0","value":1},{"op":"add","path":"/-","value":2}]`, want: `[1,2]`,
		},
		"denies a list that is not there": {
			document: `{}`, patch: `[{"op":"add","path":"/a/-","value":1}]`, err: `add /a/-: there is no "a"`,
		},
		"denies an element that is not there": {
			document: `[1]`, patch: `[{"op":"replace","path":"/1","value":1}]`, err: `replace /1: there is no element "1"`,
		},
		"refuses to replace a member that is not there": {
			document: `{}`, patch: `[{"op":"replace","path":"/a","value":1}]`, err: `replace /a: there is no "a"`,
		},
		"takes a name that looks like an index for a name": {
			document: `{"a":{"0":1}}`, patch: `[{"op":"add","path":"/a/-","value":1},{"op":"add","path":"/a/0","value":2}]`, want: `{"a":{"0":2,"-":1}}`,
		},
		"refuses to go into a string": {
			document: `{"a":"b"}`, patch: `[{"op":"add","path":"/a/b","value":1}]`, err: `add /a/b: goes into what is neither an object nor a list`,
		},
		"refuses to go into a null": {
			document: `{"a":null}`, patch: `[{"op":"add","path":"/a/-","value":1}]`, err: `add /a/-: goes into what is neither an object nor a list`,
		},
		"denies an operation that is none of ours": {
			document: `{"a":1}`, patch: `[{"op":"remove","path":"/a"}]`, err: `remove /a: is not an operation of Pillion`,
		},
		"denies an insertion in the middle": {
			document: `[1,2]`, patch: `[{"op":"add","path":"/1","value":1}]`, err: `add /1: only the front of a list is inserted at, in rising order`,
		},
		"denies an index that has moved": {
			document: `[1,2]`, patch: `[{"op":"add","path":"/0","value":1},{"op":"replace","path":"/0","value":1}]`, err: `replace /0: goes by an index that an insertion before it has moved`,
		},
		"refuses to go into what it has just set": {
			document: `{}`, patch: `[{"op":"add","path":"/a","value":{}},{"op":"add","path":"/a/b","value":1}]`, err: `add /a/b: lies in a value that an operation before it has set`,
		},
		"denies a pointer to the whole document": {
			document: `{}`, patch: `[{"op":"add","path":"","value":1}]`, err: `add : "" is not a JSON pointer below the root`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ops := operations(t, c.patch)
			out, err := Apply(nil, []byte(c.document), ops)
			message := ""
			if err != nil {
				message = err.Error()
			}
			if diff := cmp.Diff(c.err, message); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.want, string(out)); diff != "" {
				t.Errorf("document (-want +got):\n%s", diff)
			}
		})
	}
}

// Over random documents and every kind of patch that Patch can make of them, splice
// and the API server's library agree.
func TestSpliceAgreesWithThePatchLibrary(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		document, err := json.Marshal(map[string]any{"r": randomValue(random, 4)})
		if err != nil {
			t.Fatal(err)
		}
		if random.IntN(2) == 0 { // whitespace, as people write it
			if document, err = json.MarshalIndent(json.RawMessage(document), "", " "); err != nil {
				t.Fatal(err)
			}
		}
		ops := randomOps(random, object(t, document), "")
		if len(ops) == 0 {
			continue
		}
		want, err := applied(document, Marshal(ops))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Apply(nil, document, ops)
		if err != nil {
			t.Fatalf("%s\n%s\n%v", document, Marshal(ops), err)
		}
		if diff := cmp.Diff(object(t, want), object(t, got)); diff != "" {
			t.Fatalf("%s\n%s\n(-library +us):\n%s", document, Marshal(ops), diff)
		}
	}
}

var names = []string{"a", "b", "c/d", "e~f", "-", "é\"\\", ""}

func randomValue(random *rand.Rand, depth int) any {
	switch kind := random.IntN(6); {
	case depth > 0 && kind < 2:
		m := map[string]any{}
		for range random.IntN(4) {
			m[names[random.IntN(len(names))]] = randomValue(random, depth-1)
		}
		return m
	case depth > 0 && kind < 4:
		list := []any{}
		for range random.IntN(4) {
			list = append(list, randomValue(random, depth-1))
		}
		return list
	case kind == 4:
		return strings.Repeat("x\u2028", random.IntN(3))
	}
	return random.IntN(100)
}

// randomOps makes operations as Patch does: for each list first what goes by index,
// then what is inserted or appended.
func randomOps(random *rand.Rand, value any, at string) []jsonpatch.Operation {
	var ops []jsonpatch.Operation
	raw := func() *json.RawMessage { b, _ := json.Marshal(randomValue(random, 1)); return (*json.RawMessage)(&b) }
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			switch path := at + jsonscan.Pointer(name); random.IntN(6) {
			case 0:
				ops = append(ops, jsonpatch.Operation{Operation: "add", Path: path, Value: raw()})
			case 1:
				ops = append(ops, jsonpatch.Operation{Operation: "replace", Path: path, Value: raw()})
			default:
				ops = append(ops, randomOps(random, member, path)...)
			}
		}
		for i := range random.IntN(3) {
			ops = append(ops, jsonpatch.Operation{Operation: "add", Path: at + jsonscan.Pointer("new"+strconv.Itoa(i)), Value: raw()})
		}
	case []any:
		for i, element := range v {
			if path := at + jsonscan.Pointer(strconv.Itoa(i)); random.IntN(4) == 0 {
				ops = append(ops, jsonpatch.Operation{Operation: "replace", Path: path, Value: raw()})
			} else {
				ops = append(ops, randomOps(random, element, path)...)
			}
		}
		for i := range random.IntN(3) {
			ops = append(ops, jsonpatch.Operation{Operation: "add", Path: at + jsonscan.Pointer(strconv.Itoa(i)), Value: raw()})
		}
		for range random.IntN(3) {
			ops = append(ops, jsonpatch.Operation{Operation: "add", Path: at + "/-", Value: raw()})
		}
	}
	return ops
}
