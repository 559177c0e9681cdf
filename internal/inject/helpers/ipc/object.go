// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// object is a queue, a System V object or a named pipe that is made before anything
// else in the pod starts.
type object struct {
	arg  string // what ipc-init is told: canonical, all attributes written out but the owner
	name string // what is unique, and what the patterns of a policy are compared with
	path string // of a named pipe, or the one that an ftok key is made of
	kind string // of a System V object: msg, sem or shm

	attributes map[string]int64 // maxmsg, msgsize, mode, and uid if the object has an owner of its own
}

// owner is the user that the object belongs to: the helper's own unless it says so.
func (o *object) owner(own int64) int64 {
	if uid, has := o.attributes[ownerAttribute]; has {
		return uid
	}
	return own
}

// ownerAttribute is not for ipc-init: objects of another owner have an init container
// of their own.
const ownerAttribute = "uid"

// attribute can stand behind the "?" of an object.
type attribute struct {
	name        string
	least, most int64
	standard    int64 // used where the user says nothing
}

// The attributes. The bounds of a queue are the kernel's hard ones (mq_overview(7));
// what a namespace holds is less, see queue.go.
var (
	modeAttribute   = attribute{"mode", 0, 0o777, 0o666}
	userAttribute   = attribute{ownerAttribute, 1, math.MaxInt32, 0}
	plainAttributes = []attribute{modeAttribute, userAttribute}
	queueAttributes = []attribute{{"maxmsg", 1, 65536, 10}, {"msgsize", 1, 16 << 20, 8192}, modeAttribute, userAttribute}
)

// parseObjects reads a list of objects, no two of which may be the same.
func parseObjects(text string, parse func(text string) (object, error)) (option.Value, error) {
	var v option.Value
	var objects []object
	for _, element := range option.SplitList(text) {
		o, err := parse(element)
		if err != nil {
			return option.Value{}, fmt.Errorf("has %q, which %w", option.ShownElement(element), err)
		}
		if slices.Contains(v.Names, o.name) {
			return option.Value{}, fmt.Errorf("has %s twice", o.name)
		}
		canonical := o.arg
		if uid, has := o.attributes[ownerAttribute]; has {
			canonical += fmt.Sprintf("&%s=%d", ownerAttribute, uid)
		}
		objects, v.Names, v.List = append(objects, o), append(v.Names, o.name), append(v.List, canonical)
	}
	var err error
	v.Data = objects
	v.Text, err = option.JoinList(v.List)
	return v, err
}

// withAttributes completes an object whose text before the "?" is in canonical form.
func (o object) withAttributes(front, query string, hasQuery bool, known []attribute) (object, error) {
	given, err := parseAttributes(query, hasQuery, known)
	if err != nil {
		return object{}, err
	}
	var parts []string
	o.attributes = map[string]int64{}
	for _, a := range known {
		n, has := given[a.name]
		if !has {
			n = a.standard
		}
		switch {
		case a.name == ownerAttribute && has:
			o.attributes[a.name] = n
		case a.name == ownerAttribute:
		case a.name == modeAttribute.name:
			o.attributes[a.name] = n
			parts = append(parts, fmt.Sprintf("%s=%04o", a.name, n))
		default:
			o.attributes[a.name] = n
			parts = append(parts, fmt.Sprintf("%s=%d", a.name, n))
		}
	}
	o.arg = front + "?" + strings.Join(parts, "&")
	return o, nil
}

func parseAttributes(query string, hasQuery bool, known []attribute) (map[string]int64, error) {
	given := map[string]int64{}
	if !hasQuery {
		return given, nil
	}
	var names []string
	for _, a := range known {
		names = append(names, a.name)
	}
	for part := range strings.SplitSeq(query, "&") {
		name, text, _ := strings.Cut(part, "=")
		i := slices.Index(names, name)
		if i < 0 {
			return nil, fmt.Errorf("has the attribute %q; there are %s%s", name, option.JoinAnd(names), nearmiss.DidYouMean(nearmiss.Nearest(name, names)))
		}
		if _, twice := given[name]; twice {
			return nil, fmt.Errorf("has the attribute %s twice", name)
		}
		n, err := known[i].parse(text)
		if err != nil {
			return nil, err
		}
		given[name] = n
	}
	return given, nil
}

func (a attribute) parse(text string) (int64, error) {
	if a.name == modeAttribute.name {
		n, err := option.Octal(text)
		if err != nil {
			return 0, errors.New("has a mode that is not octal; it is 0000 to 0777, such as 0660")
		}
		return n, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err == nil && n == 0 && a.name == ownerAttribute:
		return 0, errors.New("belongs to root (uid 0), and containers of Pillion never run as root; name another user")
	case err != nil || n < a.least || n > a.most:
		return 0, fmt.Errorf("has a %s that is not a number from %d to %d", a.name, a.least, a.most)
	}
	return n, nil
}

// objectsOf are the objects of an option; none if it is unset.
func objectsOf(r *helper.Request, option string) []object {
	objects, _ := r.Value(option).Data.([]object)
	return objects
}
