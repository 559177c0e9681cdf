// SPDX-License-Identifier: Apache-2.0

package option

import (
	"fmt"
	"testing"
)

// options are one of each kind, with the bounds and choices of helpers that have them.
var options = map[string]*Option{
	"repo":         {Name: "repo", Kind: Repository},
	"ref":          {Name: "ref", Kind: GitRef},
	"mount-path":   {Name: "mount-path", Kind: AbsolutePath},
	"subdir":       {Name: "subdir", Kind: RelativePath},
	"file":         {Name: "file", Kind: FileName},
	"containers":   {Name: "containers", Kind: Containers},
	"mode":         {Name: "mode", Kind: Choice("poll", "once")},
	"format":       {Name: "format", Kind: Choice("unix-date", "rfc3339", "rfc1123")},
	"wait":         {Name: "wait", Kind: Boolean},
	"period":       {Name: "period", Kind: Duration, Min: "1s", Max: "24h"},
	"depth":        {Name: "depth", Kind: Integer, Min: "1", Max: "1000"},
	"max-size":     {Name: "max-size", Kind: Size, Min: "4Ki", Max: "1Gi"},
	"secret":       {Name: "secret", Kind: ObjectName},
	"ca-configmap": {Name: "ca-configmap", Kind: ObjectName},
	"timezone":     {Name: "timezone", Kind: TimeZone},
}

// wrong is what a user reads of a wrong value, behind the path of its annotation.
func wrong(value, why string) string { return fmt.Sprintf("Invalid value: %q: %s", value, why) }

// parseOne reads a value and returns it, or the sentence that denies it.
func parseOne(t *testing.T, option, text string) (Value, string) {
	t.Helper()
	o := options[option]
	if o == nil {
		t.Fatalf("no test has the option %s", option)
	}
	v, err := o.Parse(text)
	if err != nil {
		return Value{}, wrong(o.Kind.Shown(text), err.Error())
	}
	return v, ""
}
