// SPDX-License-Identifier: Apache-2.0

package inject

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Value is a parsed option value. Only its canonical form is ever used: what the
// user wrote is not passed on.
type Value struct {
	// Text is the canonical form: what goes into a container's arguments.
	Text string
	// List holds the elements of a value that is a list.
	List []string

	repo    *repoURL
	objects []object // of a KindQueues, KindSysV or KindFIFOs
	pairs   []pair   // of a KindSysctls, KindConditions or KindUmasks
	names   []string // what a policy's patterns are compared with, if that is not the elements
	num     int64    // what ordered kinds compare by: the number, nanoseconds or bytes
}

// Bool tells whether a KindBool value is true.
func (v Value) Bool() bool { return v.Text == "true" }

// Duration is the length of a KindDuration value.
func (v Value) Duration() time.Duration { return time.Duration(v.num) }

// Int is the number of a KindInt value.
func (v Value) Int() int64 { return v.num }

// Bytes is the number of bytes of a KindSize value.
func (v Value) Bytes() int64 { return v.num }

// maxValue bounds the length of any value in bytes. The longest legitimate one is
// a URL, for which 2048 is what browsers and proxies agree on.
const maxValue = 2048

func parseKind(o *Option, text string) (Value, error) {
	if err := plainText(text); err != nil {
		return Value{}, err
	}
	switch o.Kind {
	case KindBool:
		return parseEnum([]string{"true", "false"}, text)
	case KindInt:
		return parseInt(text)
	case KindDuration:
		return parseDuration(text)
	case KindSize:
		return parseSize(text)
	case KindEnum:
		return parseEnum(o.Enum, text)
	case KindRepo:
		return parseRepo(text)
	case KindRef:
		return parseRef(text)
	case KindMountPath:
		return parseMountPath(text)
	case KindSubdir:
		return parseSubdir(text)
	case KindFileName:
		return parseFileName(text)
	case KindObjectName:
		return parseObjectName(text)
	case KindContainers:
		return parseContainers(text)
	case KindTimezone:
		return parseTimezone(text)
	case KindQueues:
		return parseObjects(text, parseQueue)
	case KindSysV:
		return parseObjects(text, parseSysV)
	case KindFIFOs:
		return parseObjects(text, parseFIFO)
	case KindHugePages:
		return parseHugePages(text)
	case KindSysctls:
		return parseSysctls(text)
	case KindConditions:
		return parseConditions(text)
	case KindUmasks:
		return parseUmasks(text)
	}
	return Value{}, fmt.Errorf("has the kind %q, which has no parser", o.Kind)
}

// plainText refuses what no value of ours needs and what makes two readers see two
// different texts: control characters, zero-width and right-to-left marks,
// look-alike letters, stray line ends.
func plainText(text string) error {
	switch {
	case text == "":
		return errors.New("must not be empty")
	case len(text) > maxValue:
		return fmt.Errorf("is %d bytes long; the limit is %d", len(text), maxValue)
	case strings.HasSuffix(text, "\n"):
		return errors.New(`ends with a line break, as a YAML block scalar ("|") adds it; write the value on one line`)
	case strings.TrimSpace(text) != text:
		return errors.New("must not begin or end with white space")
	}
	for i, r := range text {
		if r < 0x20 || r > 0x7e {
			return fmt.Errorf("has the character %U at position %d; only printable ASCII is allowed", r, i+1)
		}
	}
	return nil
}

func parseInt(text string) (Value, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return Value{}, errors.New("must be a whole number, such as 1")
	}
	return Value{Text: strconv.FormatInt(n, 10), num: n}, nil
}

func parseDuration(text string) (Value, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err == nil:
		return Value{Text: shortDuration(d), num: int64(d)}, nil
	case isDigits(text):
		return Value{}, fmt.Errorf("has no unit; write %q for seconds", text+"s")
	case strings.HasSuffix(text, "d") && isDigits(text[:len(text)-1]):
		return Value{}, fmt.Errorf("has the unit d, which durations do not have; write hours, such as 24h for a day")
	}
	return Value{}, errors.New("must be a duration with a unit, such as 500ms, 30s, 10m or 1h30m")
}

// shortDuration is Duration.String without the zero parts: "1m" instead of "1m0s".
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func parseSize(text string) (Value, error) {
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return Value{}, errors.New("must be a Kubernetes quantity of bytes, such as 512Ki, 1Mi or 2Gi")
	}
	n := q.Value() // rounded up, and cut at the largest number
	if n < 0 || q.Cmp(*resource.NewQuantity(n, q.Format)) != 0 {
		return Value{}, errors.New("must be a whole number of bytes, such as 512Ki, 1Mi or 2Gi")
	}
	return Value{Text: resource.NewQuantity(n, resource.BinarySI).String(), num: n}, nil
}

func parseEnum(choices []string, text string) (Value, error) {
	if slices.Contains(choices, text) {
		return Value{Text: text}, nil
	}
	return Value{}, fmt.Errorf("must be %s%s", joinOr(choices), didYouMean(Nearest(text, choices)))
}

func parseObjectName(text string) (Value, error) {
	if strings.Contains(text, "/") {
		return Value{}, errors.New("must be a name without a namespace: only objects in the pod's own namespace can be used")
	}
	if msgs := validation.IsDNS1123Subdomain(text); len(msgs) > 0 {
		return Value{}, errors.New("must be an object name: lower-case letters, digits, '-' and '.', such as site-credentials")
	}
	return Value{Text: text}, nil
}

func parseContainers(text string) (Value, error) {
	var list []string
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if len(validation.IsDNS1123Label(name)) > 0 {
			return Value{}, fmt.Errorf("must be container names separated by commas, such as web,api; %q is not a container name", name)
		}
		if slices.Contains(list, name) {
			return Value{}, fmt.Errorf("names the container %q twice", name)
		}
		list = append(list, name)
	}
	return Value{Text: strings.Join(list, ","), List: list}, nil
}

//go:embed zones.txt
var zoneNames string

// zones are the names that a value may have. They are a list of ours because
// time.LoadLocation asks the machine first: the answer must not depend on it.
var zones = sync.OnceValue(func() map[string]bool {
	set := map[string]bool{}
	for name := range strings.Lines(zoneNames) {
		if !strings.HasPrefix(name, "#") {
			set[strings.TrimSpace(name)] = true
		}
	}
	return set
})

func parseTimezone(text string) (Value, error) {
	if !zones()[text] {
		return Value{}, errors.New("must be a name of the IANA time zone database, such as UTC or Europe/Berlin")
	}
	return Value{Text: text}, nil
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// joinOr writes a list of choices: `"a"`, `"a" or "b"`, `"a", "b" or "c"`.
func joinOr(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strconv.Quote(w)
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " or " + quoted[len(quoted)-1]
}
