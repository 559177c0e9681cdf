// SPDX-License-Identifier: Apache-2.0

package datewriter

import (
	"archive/zip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestFormats(t *testing.T) {
	t.Parallel()
	summer := time.Date(2026, time.July, 3, 9, 4, 5, 999_999_999, time.UTC)
	berlin := zone(t, zoneData(t), "Europe/Berlin")
	for name, c := range map[string]struct {
		format Format
		zone   *time.Location
		want   string
	}{
		"unix-date pads the day":              {UnixDate, time.UTC, "Fri Jul  3 09:04:05 UTC 2026\n"},
		"unix-date shows the zone":            {UnixDate, berlin, "Fri Jul  3 11:04:05 CEST 2026\n"},
		"no zone is UTC":                      {UnixDate, nil, "Fri Jul  3 09:04:05 UTC 2026\n"},
		"rfc3339 is Z in UTC":                 {RFC3339, time.UTC, "2026-07-03T09:04:05Z\n"},
		"rfc3339 shows the offset elsewhere":  {RFC3339, berlin, "2026-07-03T11:04:05+02:00\n"},
		"rfc1123 shows the offset":            {RFC1123, berlin, "Fri, 03 Jul 2026 11:04:05 +0200\n"},
		"rfc1123 shows the offset of UTC too": {RFC1123, time.UTC, "Fri, 03 Jul 2026 09:04:05 +0000\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			o.Format, o.Location = c.format, c.zone
			must(t, start(t, o).put(t.Context(), summer))
			if got := read(t, o.File); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// date(1) is the oracle, for thousands of instants in zones with odd rules. Both
// read the same zone files.
func TestFormatsAreThoseOfDate(t *testing.T) {
	t.Parallel()
	data := zoneData(t)
	dir := t.TempDir()
	for _, name := range []string{
		"UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/St_Johns", "Asia/Kathmandu", "Asia/Kolkata",
		"Australia/Lord_Howe", "Africa/Casablanca", "Africa/Cairo", "Europe/Dublin", "Pacific/Apia", "Pacific/Chatham", "Etc/GMT+12",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			location := zone(t, data, name)
			file := filepath.Join(dir, strings.ReplaceAll(name, "/", "-"))
			write(t, file, data[name])
			instants := instants(location)
			for format, args := range map[Format][]string{UnixDate: nil, RFC3339: {"+%Y-%m-%dT%H:%M:%S%:z"}, RFC1123: {"-R"}} {
				want := askDate(t, file, instants, args...)
				for i, at := range instants {
					got := at.In(location).Format(format.layout())
					if format == RFC3339 && strings.HasSuffix(got, "Z") {
						got = strings.TrimSuffix(got, "Z") + "+00:00" // two spellings of the same offset
					}
					if got != want[i] {
						t.Fatalf("%s at %d: got %q, date prints %q", format, at.Unix(), got, want[i])
					}
				}
			}
		})
	}
}

// instants are the same in each run: some by chance between 1970 and 2100, and
// those around the changes of the clocks in a few years.
func instants(location *time.Location) []time.Time {
	chance := rand.New(rand.NewPCG(1, 2))
	var all []time.Time
	for range 1000 {
		all = append(all, time.Unix(chance.Int64N(4_102_444_800), 0))
	}
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, location)
	for range 30 {
		_, change := at.ZoneBounds()
		if change.IsZero() {
			break
		}
		all = append(all, change.Add(-time.Second), change, change.Add(time.Hour))
		at = change.Add(24 * time.Hour)
	}
	return all
}

// askDate has date(1) print the instants with the zone file, a line for each.
func askDate(t *testing.T, zoneFile string, instants []time.Time, args ...string) []string {
	t.Helper()
	var in strings.Builder
	for _, at := range instants {
		fmt.Fprintf(&in, "@%d\n", at.Unix())
	}
	cmd := exec.Command("date", append([]string{"-f", "-"}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=:"+zoneFile)
	cmd.Stdin = strings.NewReader(in.String())
	out, err := cmd.Output()
	must(t, err)
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(instants) {
		t.Fatalf("date printed %d lines for %d instants", len(lines), len(instants))
	}
	return lines
}

// zoneData is Go's own copy of the zone files, by name. The machine may have none.
func zoneData(t *testing.T) map[string]string {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	must(t, err)
	archive, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	must(t, err)
	defer archive.Close()
	data := map[string]string{}
	for _, f := range archive.File {
		r, err := f.Open()
		must(t, err)
		content, err := io.ReadAll(r)
		must(t, err)
		data[f.Name] = string(content)
	}
	return data
}

func zone(t *testing.T, data map[string]string, name string) *time.Location {
	t.Helper()
	location, err := time.LoadLocationFromTZData(name, []byte(data[name]))
	must(t, err)
	return location
}
