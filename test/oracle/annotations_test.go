// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	"strings"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helpers"
)

// values are what annotations say: what is right, what is odd, what is hostile.
type values struct{ right, odd []string }

var optionValues = map[string]values{
	"repo": {
		[]string{"https://github.com/acme/site.git", "https://git.example:8443/a/b", "ssh://git@git.example/a"},
		[]string{"http://git.example/a", "https://u:p@git.example/a", "ext::sh -c id", "file:///etc", "https://[::1]/a", "https://169.254.169.254/a", "ssh://-oProxyCommand=id/a", "https://git.example/$(A)", "https://git.example/a?b#c", "git@git.example:a"},
	},
	"ref":             {[]string{"main", "v1.2.3", "0123456789abcdef0123456789abcdef01234567", "release-$(A)", "abc1234"}, []string{"-x", "a..b", "@{1}", "a b", "a\nb", "$$(A)$"}},
	"mount-path":      {[]string{"/html", "/srv/site", "/srv", "/data", "/srv/$(HOME)", "/a b", "/srv/site/sub"}, []string{"/", "/etc", "html", "/srv/", "/srv/../html", "/a:b", "/var/run/secrets/x", "/dev/shm"}},
	"subdir":          {[]string{"public", "a/b", "$(A)", "-rf", "--once"}, []string{"..", "/abs", "a/../b", ".git", "a\\b"}},
	"containers":      {[]string{"web", "web", "web", "web,api", "init-0,web", "web, init-0"}, []string{"init-1", "", "nobody", "web,web", "pillion-git-poller", "init-0"}},
	"mode":            {odd: []string{"Once", "always"}},
	"period":          {[]string{"10s", "60s", "1h30m", "90s"}, []string{"30", "1d", "-1s", "0", "1ns", "99999h"}},
	"depth":           {[]string{"1", "10", "007"}, []string{"0", "-1", "1e3", "9999999999999999999"}},
	"metrics-port":    {[]string{"9102", "1024"}, []string{"0", "80", "70000", "http"}},
	"metrics-address": {odd: []string{"0.0.0.0"}},
	"secret":          {[]string{"site-credentials", "a.b"}, []string{"kube-system/token", "UPPER", "", "-a"}},
	"auth":            {odd: []string{"none"}},
	"submodules":      {odd: []string{"recursive", "true"}},
	"ca-configmap":    {[]string{"acme-ca"}, []string{"a/b"}},
	"wait":            {[]string{"true", "false"}, []string{"yes", "True"}},
	"wait-timeout":    {[]string{"1s", "1500ms", "24h"}, []string{"0s", "forever"}},
	"position":        {odd: []string{"middle"}},
	"writable":        {[]string{"true", "false"}, []string{"1"}},
	"file":            {[]string{"index.html", "$(HOSTNAME).txt", "-n", "a b", "`id`", "a$"}, []string{"a/b", "..", "..data", "a\nb"}},
	"interval":        {[]string{"1s", "100ms", "24h"}, []string{"1", "1ms"}},
	"format":          {odd: []string{"%Y"}},
	"timezone":        {[]string{"UTC", "Europe/Berlin"}, []string{"Local", "../../etc/passwd", "Mars"}},
	"shm":             {[]string{"128Mi", "64Mi", "1G", "2Gi"}, []string{"0", "1", "2Ti", "lots"}},
	"mqueue":          {[]string{"/a", "/a?maxmsg=10&msgsize=1024&mode=660, /b?uid=1000", "/c?uid=65532&maxmsg=1"}, []string{"a", "/a,/a", "/a?maxmsg=99", "/a?uid=0", "/a?size=1", "/$(A)", "/a/b", "/wide?msgsize=16384"}},
	"sysv":            {[]string{"msg:1", "msg:0x1234,sem:4661:3?mode=0600,shm:7:1Mi", "msg:ftok(/srv/site,A)", "sem:ftok(/run/ipc,65):1,msg:2?uid=1000"}, []string{"msg:0", "sem:1", "shm:1:0", "msg:0777", "msg:ftok(/etc,1)", "msg:ftok(a,1)", "msg:1:2"}},
	"socket":          {[]string{"/run/ipc", "/srv/site", "/data", "/pillion/content"}, []string{"/run", "/etc/x", "ipc", "/pillion-helper", "/.pillion", "/dev/shm"}},
	"fifo":            {[]string{"/run/ipc/in", "/run/ipc/in?mode=0600,/run/other/out?uid=1000", "/srv/site/$A"}, []string{"/in", "in", "/etc/in", "/run/ipc/in,/run/ipc/in", "/run/ipc/a/b,/run/ipc/c"}},
	"process":         {[]string{"true", "false"}, []string{"1"}},
	"hugepages":       {[]string{"2Mi:4Mi", "1Gi:1Gi"}, []string{"2Mi", "2Mi:3Mi", "3Mi:3Mi", "x:y"}},
	"sysctls":         {[]string{"kernel.shm_rmid_forced=1", "kernel.msgmax=65536,kernel.sem=250 32000 32 128", "fs.mqueue.msg_max=50", "net.core.somaxconn=1024"}, []string{"kernel.panic=1", "kernel.msgmax", "kernel.msgmax=$(A)", "vm.swappiness=1"}},
	"gid":             {[]string{"3000", "2000"}, []string{"0", "-1", "99999999999"}},
	"after":           {[]string{"web=mqueue:/a", "web=tcp:127.0.0.1:5432,web=http:localhost:80/$A", "api=started:web,web=file:/srv/$A", "web=exited:api", "web=sysv-msg:ftok(/srv,1),api=shm:/x"}, []string{"web=started:web", "web=started:api,api=started:web", "nobody=file:/a", "init-0=file:/a", "web", "web=https:a:1", "web=file:a"}},
	"timeout":         {[]string{"1s", "5m", "90s"}, []string{"0s", "5"}},
	"umask":           {[]string{"web=0002", "web=22,api=0"}, []string{"web=9", "web=1,web=2", "nobody=2"}},
	"watch":           {[]string{"/srv/site", "/srv", "/data", "/html", "/srv/site/sub,/data", "/data/$(A)"}, []string{"/", "data", "/data,/data", "/a//b", "/nowhere"}},
	"debounce":        {[]string{"1s", "100ms"}, []string{"0s", "1h", "5"}},
	"notify":          {[]string{"http://localhost:9090/-/reload", "http://127.0.0.1/$(A)?x=y", "http://[::1]:80/"}, []string{"https://localhost/", "http://example.com/", "http://169.254.169.254/", "http://u:p@localhost/", "localhost"}},
	"notify-method":   {odd: []string{"post", "TRACE"}},
	"notify-status":   {[]string{"2xx", "200,304", "2xx, 404"}, []string{"ok", "1xx", "2xx,"}},
	"signal":          {[]string{"HUP:web", "USR1:api", "TERM:web"}, []string{"KILL:web", "SIGHUP:web", "HUP:nobody", "HUP:init-0", "HUP:pillion-git-poller", "HUP"}},
	"max-size":        {[]string{"4Ki", "1Mi", "1G", "1e6"}, []string{"0.5Gi", "1", "-1", "2Ti", "0.1"}},
}

// chance is in how many cases of a hundred an option is set that need not be.
var chance = func() map[string]int {
	all := map[string]int{}
	for name := range optionValues {
		all[name] = 14
	}
	all["after"], all["notify"], all["signal"] = 70, 70, 5
	return all
}()

// annotations ask for some helpers, mostly in a way that can be granted.
func (s *source) annotations() map[string]string {
	switch s.below(40) {
	case 0, 1:
		return nil
	case 2:
		return map[string]string{inject.InjectAnnotation: "false"}
	}
	a := map[string]string{}
	odd := pick(s, 0, 0, 0, 0, 0, 3, 3, 30) // how many values in a hundred are wrong
	for range 1 + s.below(2) {
		h := pick(s, helpers.Builtin().All()...)
		if h.Name == "config-reloader" && s.percent(60) {
			h = pick(s, helpers.Builtin().All()...) // few policies here have it
		}
		instance := pick(s, "", "", "docs", "a-0", strings.Repeat("i", 30))
		if odd > 0 {
			instance = pick(s, instance, instance, instance, instance, "UPPER", strings.Repeat("i", 31), "a.b")
		}
		for _, o := range h.Options {
			if v := optionValues[o.Name]; o.Required || s.percent(chance[o.Name]) {
				switch {
				case o.Kind.Choices != nil:
					v.right = o.Kind.Choices
				case o.Name == "repo" && odd == 0:
					v.right = v.right[:2] // what every policy here allows
				}
				if o.Name == "auth" && odd == 0 {
					continue // it wants a Secret, and the right one
				}
				a[h.Key(instance, o.Name)] = s.value(v, odd)
			}
		}
	}
	for key, chance := range map[string]int{"example.com/team": 20, "other": 10} {
		if s.percent(chance) {
			a[key] = "x"
		}
	}
	if s.percent(10) {
		a[inject.InjectAnnotation] = pick(s, "true", "false")
	}
	if s.percent(10) {
		a[inject.StatusAnnotation] = pick(s, "", "{}", `{"renewed":["pillion-git-poller","v0"]}`, `{"renewed":1}`, "injected")
	}
	if s.percent(10) {
		a[inject.SafeToEvictAnnotation] = pick(s, "", "v0", " v0 , v1,,", "pillion-no-token")
	}
	if odd > 0 && s.percent(10) {
		a[pick(s, "pillion.dev/repo", "git-poler.pillion.dev/repo", "git-poller.pillion.dev/REPO", "x.pillion.dev", "evilpillion.dev/a")] = "x"
	}
	return a
}

func (s *source) value(v values, odd int) string {
	if s.percent(odd) {
		return pick(s, v.odd...)
	}
	return pick(s, v.right...)
}
