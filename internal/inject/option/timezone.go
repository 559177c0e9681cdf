// SPDX-License-Identifier: Apache-2.0

package option

import (
	_ "embed"
	"errors"
	"strings"
	"sync"
)

// TimeZone is a name of the IANA time zone database, such as Europe/Berlin.
var TimeZone = Kind{Name: "time zone", Parse: parseTimeZone}

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

func parseTimeZone(text string) (Value, error) {
	if !zones()[text] {
		return Value{}, errors.New("must be a name of the IANA time zone database, such as UTC or Europe/Berlin")
	}
	return Value{Text: text}, nil
}
