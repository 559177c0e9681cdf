// SPDX-License-Identifier: Apache-2.0

package option

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestADurationHasAUnit(t *testing.T) {
	t.Parallel()
	const (
		unit    = "must be a duration with a unit, such as 500ms, 30s, 10m or 1h30m"
		between = "must be between 1s and 24h"
	)
	testValues(t, "period", []valueTest{
		{"seconds", "30s", "30s", ""},
		{"sixty seconds are a minute", "60s", "1m", ""},
		{"ninety minutes are an hour and a half", "90m", "1h30m", ""},
		{"an hour", "60m", "1h", ""},
		{"a zero between two parts stays", "1h0m10s", "1h0m10s", ""},
		{"a zero at the end goes", "10h10m0s", "10h10m", ""},
		{"ten minutes keep their zero", "10m", "10m", ""},
		{"a fraction", "1.5m", "1m30s", ""},
		{"a fraction of seconds", "10s500ms", "10.5s", ""},
		{"a plus sign", "+5s", "5s", ""},
		{"the minimum", "1s", "1s", ""},
		{"the maximum", "24h", "24h", ""},

		{"no unit", "60", "", `has no unit; write "60s" for seconds`},
		{"days", "1d", "", "has the unit d, which durations do not have; write hours, such as 24h for a day"},
		{"weeks", "1w", "", "has the unit w, which durations do not have; write hours, such as 24h for a day"},
		{"a word", "hourly", "", unit},
		{"a unit in upper case", "30S", "", `must be written without spaces and in lower case, "30s"`},
		{"a space before the unit", "30 s", "", `must be written without spaces and in lower case, "30s"`},
		{"minutes as people write them", "5min", "", `has the unit min, which durations do not have; write "5m"`},
		{"seconds as people write them", "1.5 seconds", "", `has the unit seconds, which durations do not have; write "1.5s"`},
		{"days as people write them", "2 days", "", "has the unit days, which durations do not have; write hours, such as 24h for a day"},
		{"a unit alone", "s", "", unit},
		{"the notation of ISO 8601", "PT30S", "", unit},
		{"the notation of cron", "* * * * *", "", unit},
		{"a hexadecimal number", "0x10s", "", unit},
		{"a variable", "$(PERIOD)", "", unit},
		{"nothing at all", "0", "", between},
		{"zero seconds", "0s", "", between},
		{"a negative duration", "-5s", "", between},
		{"less than the minimum", "999ms", "", between},
		{"a nanosecond more than the maximum", "24h0m0.000000001s", "", between},
	})
}

func TestASizeIsAWholeNumberOfBytes(t *testing.T) {
	t.Parallel()
	const (
		quantity = "must be a Kubernetes quantity of bytes, such as 512Ki, 1Mi or 2Gi"
		whole    = "must be a whole number of bytes, such as 512Ki, 1Mi or 2Gi"
		between  = "must be between 4Ki and 1Gi"
	)
	testValues(t, "max-size", []valueTest{
		{"mebibytes", "1Mi", "1Mi", ""},
		{"kibibytes that make a mebibyte", "1024Ki", "1Mi", ""},
		{"kibibytes that make none", "1000Ki", "1000Ki", ""},
		{"plain bytes", "4097", "4097", ""},
		{"the minimum", "4Ki", "4Ki", ""},
		{"the maximum", "1Gi", "1Gi", ""},

		{"no quantity", "big", "", quantity},
		{"a unit that Kubernetes does not have", "1MB", "", `must be a Kubernetes quantity of bytes: write "1Mi"`},
		{"a unit of docker", "2g", "", `must be a Kubernetes quantity of bytes: write "2Gi"`},
		{"a space before the unit", "1 Mi", "", `must be a Kubernetes quantity of bytes: write "1Mi"`},
		{"a unit alone, which Kubernetes takes for zero", "Mi", "", between},
		{"a percentage", "10%", "", quantity},
		{"thousandths of a byte", "1m", "", `must be a whole number of bytes: write "1Mi"`},
		{"half a byte", "5000.5", "", whole},
		{"a fraction that is no whole byte", "0.1Gi", "", whole},
		{"a negative size", "-1Mi", "", whole},
		{"nothing", "0", "", between},
		{"a byte less than the minimum", "4095", "", between},
		{"more than the maximum", "2Gi", "", between},
	})
}

func TestAnIntegerIsDecimal(t *testing.T) {
	t.Parallel()
	const number = "must be a whole number, such as 1"
	testValues(t, "depth", []valueTest{
		{"the minimum", "1", "1", ""},
		{"the maximum", "1000", "1000", ""},
		{"a plus sign goes", "+7", "7", ""},
		{"zeros in front go, and do not make it octal", "010", "10", ""},

		{"zero", "0", "", "must be between 1 and 1000"},
		{"a negative number", "-1", "", "must be between 1 and 1000"},
		{"more than the maximum", "1001", "", "must be between 1 and 1000"},
		{"an exponent", "1e3", "", number},
		{"a hexadecimal number", "0x10", "", number},
		{"an underscore", "1_0", "", number},
		{"a fraction", "1.0", "", number},
		{"a word", "all", "", number},
		{"more than any integer", "99999999999999999999", "", number},
	})
}

func TestABooleanIsTrueOrFalse(t *testing.T) {
	t.Parallel()
	const choice = `must be "true" or "false"`
	testValues(t, "wait", []valueTest{
		{"true", "true", "true", ""},
		{"false", "false", "false", ""},
		{"true with a capital", "True", "", choice + `; did you mean "true"?`},
		{"false in capitals, which is far from it", "FALSE", "", choice},
		{"yes", "yes", "", choice},
		{"one", "1", "", choice},
		{"on", "on", "", choice},
	})
}

func TestAChoiceIsOneOfTheWords(t *testing.T) {
	t.Parallel()
	testValues(t, "mode", []valueTest{
		{"one word", "poll", "poll", ""},
		{"the other word", "once", "once", ""},
		{"a letter too few", "pol", "", `must be "poll" or "once"; did you mean "poll"?`},
		{"a capital", "Once", "", `must be "poll" or "once"; did you mean "once"?`},
		{"something else", "stream", "", `must be "poll" or "once"`},
		{"two words", "poll,once", "", `must be "poll" or "once"`},
	})
	testValues(t, "format", []valueTest{
		{"one of three", "rfc1123", "rfc1123", ""},
		{"an underscore for a minus", "unix_date", "", `must be "unix-date", "rfc3339" or "rfc1123"; did you mean "unix-date"?`},
		{"something else than the three", "iso", "", `must be "unix-date", "rfc3339" or "rfc1123"`},
		{"a format of date(1)", "+%s", "", `must be "unix-date", "rfc3339" or "rfc1123"`},
	})
}

func TestAnObjectNameHasNoNamespace(t *testing.T) {
	t.Parallel()
	const (
		name      = "must be an object name: lower-case letters, digits, '-' and '.', such as site-credentials"
		namespace = "must be a name without a namespace: only objects in the pod's own namespace can be used"
	)
	for _, key := range []string{"secret", "ca-configmap"} {
		testValues(t, key, []valueTest{
			{key + ": a name", "site-credentials", "site-credentials", ""},
			{key + ": a name with dots", "acme.example-ca", "acme.example-ca", ""},
			{key + ": a name of digits", "123", "123", ""},
			{key + ": another namespace", "kube-system/admin", "", namespace},
			{key + ": a path", "../admin", "", namespace},
			{key + ": a capital", "Site", "", name},
			{key + ": an underscore", "site_credentials", "", name},
			{key + ": a space", "site credentials", "", name},
			{key + ": a colon", "kube-system:admin", "", name},
			{key + ": a minus at the end", "site-", "", name},
			{key + ": a dot at the beginning", ".site", "", name},
			{key + ": two dots", "a..b", "", name},
			{key + ": a star", "*", "", name},
			{key + ": a variable", "$(SECRET)", "", name},
		})
	}
}

func TestContainersAreAListWithoutRepetition(t *testing.T) {
	t.Parallel()
	notName := func(name string) string {
		return "must be container names separated by commas, such as web,api; " + `"` + name + `" is not a container name`
	}
	testValues(t, "containers", []valueTest{
		{"one", "web", "web", ""},
		{"two", "web,api", "web,api", ""},
		{"two in another order", "api,web", "api,web", ""},
		{"spaces around commas go", "web ,  api", "web,api", ""},
		{"a comma at the end", "web,", "", notName("")},
		{"a comma at the beginning", ",web", "", notName("")},
		{"two commas", "web,,api", "", notName("")},
		{"a comma alone", ",", "", notName("")},
		{"a capital", "Web", "", notName("Web")},
		{"a star", "*", "", notName("*")},
		{"another separator", "web;api", "", notName("web;api")},
		{"a name that is too long", strings.Repeat("a", 64), "", notName(strings.Repeat("a", 64))},
		{"one name twice", "web,web", "", `names the container "web" twice`},
		{"one name twice with a space", "web,api, web", "", `names the container "web" twice`},
	})
	v, _ := parseOne(t, "containers", "web , api")
	if diff := cmp.Diff([]string{"web", "api"}, v.List); diff != "" {
		t.Errorf("the list (-want +got):\n%s", diff)
	}
}

func TestATimeZoneIsAName(t *testing.T) {
	t.Parallel()
	const name = "must be a name of the IANA time zone database, such as UTC or Europe/Berlin"
	testValues(t, "timezone", []valueTest{
		{"universal time", "UTC", "UTC", ""},
		{"a city", "Europe/Berlin", "Europe/Berlin", ""},
		{"a city of three parts", "America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires", ""},
		{"an offset that has a name", "Etc/GMT+2", "Etc/GMT+2", ""},
		{"what this machine has", "Local", "", name},
		{"an area without a city", "Europe", "", name},
		{"a city that is none", "Europe/Atlantis", "", name},
		{"an abbreviation", "CEST", "", name},
		{"an offset", "+02:00", "", name},
		{"an absolute path", "/etc/localtime", "", name},
		{"a way out of the database", "../../../etc/localtime", "", name},
		{"a way out further in", "Europe/../../../etc/localtime", "", name},
		{"a backslash", `Europe\Berlin`, "", name},
		{"a slash at the end", "UTC/", "", name},
		{"a variable", "$(TZ)", "", name},
	})
}

func TestAValueKnowsWhatItIsWorth(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, option, value string
		get                 func(v Value) any
		want                any
	}{
		{"a duration in nanoseconds", "period", "1m30s", func(v Value) any { return v.Duration() }, 90 * time.Second},
		{"a size in bytes", "max-size", "64Ki", func(v Value) any { return v.Bytes() }, int64(65536)},
		{"a size of plain bytes", "max-size", "5000", func(v Value) any { return v.Bytes() }, int64(5000)},
		{"a size in megabytes", "max-size", "1M", func(v Value) any { return v.Bytes() }, int64(1000000)},
		{"true", "wait", "true", func(v Value) any { return v.Bool() }, true},
		{"false", "wait", "false", func(v Value) any { return v.Bool() }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, problem := parseOne(t, tt.option, tt.value)
			if problem != "" || tt.get(v) != tt.want {
				t.Errorf("got %v, %s; want %v", tt.get(v), problem, tt.want)
			}
		})
	}
}
