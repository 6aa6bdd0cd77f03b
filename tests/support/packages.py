"""Scripts that make a package and have a package manager of the machine install it.

Standard library alone, see `ordinary_user`.
"""

APT = r"""set -e
mkdir -p /repo/tiny/DEBIAN /repo/tiny/usr/bin
cd /repo
cat >tiny/DEBIAN/control <<END
Package: tiny-of-the-test
Version: 1
Architecture: all
Maintainer: a <a@b>
Description: says so
END
cat >tiny/DEBIAN/postinst <<END
#!/bin/sh
set -e
useradd --system tiny-apt
install -d -o tiny-apt /var/lib/tiny
END
printf '#!/bin/sh\necho from a package\n' >tiny/usr/bin/tiny-of-the-test
chmod 755 tiny/DEBIAN/postinst tiny/usr/bin/tiny-of-the-test
dpkg-deb --build tiny tiny.deb
{ cat tiny/DEBIAN/control; echo "Filename: ./tiny.deb"; echo "Size: $(stat -c %s tiny.deb)"
  echo "SHA256: $(sha256sum tiny.deb | cut -d' ' -f1)"; } >Packages
echo 'deb [trusted=yes] file:/repo ./' >/etc/apt/only.list
alone='-o Dir::Etc::sourcelist=/etc/apt/only.list -o Dir::Etc::sourceparts=-'
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
apt-get update $alone
apt-get install -y $alone tiny-of-the-test
"""
"""As root: a repository of one package, which makes a user, and `apt-get install` from it alone."""
