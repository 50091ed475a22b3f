//! The configuration files of the IRC servers: no penalties, no look-ups, no limits that a test would meet by chance.

use std::net::SocketAddr;
use std::path::Path;

/// The ports of an InspIRCd.
pub(super) struct Ports {
    pub(super) plain: u16,
    pub(super) tls: u16,
    pub(super) services: u16,
}

pub(super) fn ngircd(at: SocketAddr) -> String {
    let (address, port) = (at.ip(), at.port());
    format!(
        "[Global]
Name = ngircd.testbed
Info = A server for tests
AdminInfo1 = testbed
Listen = {address}
Ports = {port}
MotdPhrase = \"A server for tests\"
[Limits]
MaxNickLength = 31
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxPenaltyTime = 0
PingTimeout = 120
PongTimeout = 20
[Options]
Ident = no
PAM = no
DNS = no
IncludeDir =
[Operator]
Name = boss
Password = boss
"
    )
}

/// The modules that make InspIRCd speak IRCv3.
const INSPIRCD_MODULES: [&str; 14] = [
    "cap",
    "ircv3",
    "ircv3_accounttag",
    "ircv3_batch",
    "ircv3_capnotify",
    "ircv3_ctctags",
    "ircv3_echomessage",
    "ircv3_labeledresponse",
    "ircv3_msgid",
    "ircv3_servertime",
    "sasl",
    "services_account",
    "spanningtree",
    "ssl_gnutls",
];

pub(super) fn inspircd(folder: &Path, ports: &Ports) -> String {
    let folder = folder.display();
    let Ports { plain, tls, services } = ports;
    let modules: String = INSPIRCD_MODULES.iter().map(|name| format!("<module name=\"{name}\">\n")).collect();
    format!(
        r#"<server name="irc.testbed" description="A server for tests" network="Testbed" id="1AA">
<admin name="testbed" nick="testbed" email="test@testbed.invalid">
<bind address="127.0.0.1" port="{plain}" type="clients">
<bind address="127.0.0.1" port="{tls}" type="clients" sslprofile="testbed">
<bind address="127.0.0.1" port="{services}" type="servers">
<sslprofile name="testbed" provider="gnutls" certfile="{folder}/server.pem" keyfile="{folder}/server.key">
<connect name="all" allow="*" timeout="60" fakelag="no" commandrate="1000000" threshold="1000000"
  softsendq="10M" hardsendq="100M" recvq="1M" localmax="10000" globalmax="10000" maxconnwarn="no"
  maxchans="1000" resolvehostnames="no" useident="no">
<options defaultmodes="not">
<performance nouserdns="yes" somaxconn="1024" clonesonconnect="no" quietbursts="yes">
<limits maxnick="32" maxchan="64" maxident="32" maxhost="64" maxtopic="330" maxkick="300">
<log method="stderr" type="* -USERINPUT -USEROUTPUT" level="default">
{modules}<sasl target="services.testbed" requiressl="no">
<link name="services.testbed" ipaddr="127.0.0.1" port="{services}" allowmask="127.0.0.1/32"
  sendpass="testbed" recvpass="testbed">
<uline server="services.testbed" silent="yes">
<class name="all" commands="*" privs="*" usermodes="*" chanmodes="*" snomasks="*">
<type name="boss" classes="all">
<oper name="boss" password="boss" host="*@*" type="boss">
"#
    )
}

pub(super) fn atheme(port: u16) -> String {
    format!(
        r#"loadmodule "modules/protocol/inspircd";
loadmodule "modules/backend/opensex";
loadmodule "modules/crypto/pbkdf2v2";
loadmodule "modules/nickserv/main";
loadmodule "modules/nickserv/register";
loadmodule "modules/nickserv/identify";
loadmodule "modules/saslserv/main";
loadmodule "modules/saslserv/plain";
serverinfo {{
	name = "services.testbed"; desc = "Services for tests"; numeric = "00A"; recontime = 1; netname = "Testbed";
	adminname = "testbed"; adminemail = "test@testbed.invalid"; registeremail = "test@testbed.invalid";
	auth = none; casemapping = rfc1459; maxlogins = 100; maxusers = 0; mdlimit = 30;
	loglevel = {{ error; info; network; }};
}};
uplink "irc.testbed" {{ host = "127.0.0.1"; port = {port}; send_password = "testbed"; receive_password = "testbed"; }};
nickserv {{ nick = "NickServ"; user = "NickServ"; host = "services.testbed"; real = "Accounts"; expire = 0; }};
saslserv {{ nick = "SaslServ"; user = "SaslServ"; host = "services.testbed"; real = "SASL"; }};
"#
    )
}
